// The details form's state: its fields, what the person has touched, errors, and the draft on the server.
import { type RefObject, useEffect, useRef, useState } from 'react';
import type { PersonDetails } from '../../../shared/api/flow';
import { useFlow } from '../../app/context';
import { type DateParts, toDateParts, toIsoDate } from '../../flow/date';
import { collectDeviceSignals } from '../../flow/signals';
import { DETAIL_NAMES, type DetailErrors, type DetailName, buildSubmission, findDetailErrors, mergeDetails, toDetailErrors } from './detailsForm';

export interface DetailsForm {
  fields: PersonDetails;
  date: DateParts;
  errors: DetailErrors<string>;
  changeField: (name: DetailName, value: string) => void;
  changeDate: (part: keyof DateParts, value: string) => void;
  /** Sends the details, or returns false and shows what is wrong with them. */
  submit: () => boolean;
}

export function useDetailsForm(): DetailsForm {
  const { t, boot, session, snapshot, flow, go, announce } = useFlow();
  const translate = (found: DetailErrors): DetailErrors<string> => {
    const wrong = DETAIL_NAMES.flatMap((name) => (found[name] ? [[name, t(found[name])]] : []));
    return Object.fromEntries(wrong) as DetailErrors<string>;
  };
  const [fields, setFields] = useState<PersonDetails>(() => ({ ...flow.details, country: flow.details?.country || flow.document.country }));
  const [date, setDate] = useState<DateParts>(() => toDateParts(flow.details?.date_of_birth));
  const [errors, setErrors] = useState<DetailErrors<string>>(() => translate(toDetailErrors(snapshot.refused)));
  const touched = useRef(new Set<DetailName>());

  useFirstReading();
  useEffect(() => {
    const news = flow.details;
    if (!news) return;
    setFields((before) => mergeDetails(before, news, touched.current));
    if (!touched.current.has('date_of_birth') && news.date_of_birth) setDate(toDateParts(news.date_of_birth));
  }, [flow.details]);
  useDraftOnLeave();

  function changeField(name: DetailName, value: string): void {
    touched.current.add(name);
    const next = { ...fields, [name]: value };
    setFields(next);
    setErrors(({ [name]: _, ...rest }) => rest);
    session.scheduleDraft(next);
  }

  function changeDate(part: keyof DateParts, value: string): void {
    touched.current.add('date_of_birth');
    const next = { ...date, [part]: value };
    setDate(next);
    setErrors(({ date_of_birth: _, ...rest }) => rest);
    const found = toIsoDate(next, new Date());
    if (!('iso' in found)) return;
    const all = { ...fields, date_of_birth: found.iso };
    setFields(all);
    session.scheduleDraft(all);
  }

  function submit(): boolean {
    const found = findDetailErrors(fields, date, new Date());
    setErrors(translate(found));
    if (Object.keys(found).length > 0) {
      announce(t('details.errors'), 'now');
      return false;
    }
    void session.submitDetails(buildSubmission(fields, date, new Date()), collectDeviceSignals(boot, flow.id));
    go('sending', 'replace');
    return true;
  }

  return { fields, date, errors, changeField, changeDate, submit };
}

/** Whether the server has any detail of this person. */
export const hasDetails = (details: PersonDetails | null | undefined): boolean => Object.values(details ?? {}).some((value) => value);

/** After a reload, or on another device, the pictures may not have been read yet. */
function useFirstReading(): void {
  const { session, flow } = useFlow();
  const hasRead = hasDetails(flow.details);
  useEffect(() => {
    if (!hasRead && session.snapshot().reading.state === 'none') void session.readDocument();
  }, [hasRead, session]);
}

/** Saves the draft when the page is hidden or the step left: the page may go at any moment. */
function useDraftOnLeave(): void {
  const { session } = useFlow();
  useEffect(() => {
    const saveIfHidden = (): void => void (document.visibilityState === 'hidden' && session.saveDraft());
    document.addEventListener('visibilitychange', saveIfHidden);
    return () => {
      document.removeEventListener('visibilitychange', saveIfHidden);
      void session.saveDraft();
    };
  }, [session]);
}

/** The list of errors above the form, which gets the focus when sending fails. */
export function useFocusOnFailure(submit: () => boolean): [RefObject<HTMLDivElement | null>, () => void] {
  const summary = useRef<HTMLDivElement>(null);
  const submitOrFocus = (): void => {
    if (!submit()) requestAnimationFrame(() => summary.current?.focus());
  };
  return [summary, submitOrFocus];
}
