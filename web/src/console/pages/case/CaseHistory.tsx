// The history of a case: timeline, notes, earlier tries.
import { type FormEvent, useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import type { Reason, ReviewCase } from '../../api/models';
import { useConsole } from '../../app/context';
import { spellWord, translateWord } from '../../i18n';
import { Button } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { TextAreaField } from '../../ui/fields';
import { TimeText } from '../../ui/TimeText';
import { reasonText } from './decisionForm';
import type { ReviewSteps } from './useReview';

export function CaseHistory({ review, steps, reasons }: { review: ReviewCase; steps: ReviewSteps; reasons: readonly Reason[] }) {
  const { t } = useConsole();
  return (
    <Tabs className="stack">
      <TabList className="tabs" aria-label={t('case.history')}>
        <Tab id="timeline" className="tab">
          {t('case.timeline')}
        </Tab>
        <Tab id="notes" className="tab">
          {t('case.notes')} <Badge>{review.notes.length}</Badge>
        </Tab>
        <Tab id="tries" className="tab">
          {t('case.tries')} <Badge>{review.tries_before.length}</Badge>
        </Tab>
      </TabList>
      <TabPanel id="timeline">
        <Timeline review={review} />
      </TabPanel>
      <TabPanel id="notes">
        <Notes review={review} steps={steps} />
      </TabPanel>
      <TabPanel id="tries">
        <EarlierTries review={review} reasons={reasons} />
      </TabPanel>
    </Tabs>
  );
}

function Timeline({ review }: { review: ReviewCase }) {
  const ui = useConsole();
  if (review.timeline.length === 0) return <p className="empty">{ui.t('list.empty')}</p>;
  return (
    <ol className="timeline">
      {review.timeline.map((entry, index) => (
        <li key={index}>
          <TimeText value={entry.at} />
          <span>
            <strong>{translateWord(ui, 'event', entry.kind)}</strong> {entry.actor && (entry.actor.name || translateWord(ui, 'actor', entry.actor.kind))}
          </span>
          {detailText(entry.detail) && <span className="fine">{detailText(entry.detail)}</span>}
        </li>
      ))}
    </ol>
  );
}

/** What an entry says beyond its kind: a text, or names and values. */
export function detailText(detail: unknown): string {
  if (typeof detail === 'string') return detail;
  if (detail === null || typeof detail !== 'object') return '';
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${spellWord(name)}: ${Array.isArray(value) ? value.map(String).join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ');
}

function Notes({ review, steps }: { review: ReviewCase; steps: ReviewSteps }) {
  const { t } = useConsole();
  const [text, setText] = useState('');
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim()) steps.note.mutate(text.trim(), { onSuccess: () => setText('') });
  };
  return (
    <div className="stack">
      {review.notes.map((note) => (
        <article key={note.id} className="note-card">
          <p className="fine">
            {note.by} · <TimeText value={note.at} />
          </p>
          <p className="pre">{note.text}</p>
        </article>
      ))}
      <form onSubmit={add}>
        <TextAreaField id="note-text" label={t('case.add_note')} hint={t('decide.note_hint')} value={text} onChange={setText} maxLength={2_000} />
        <div className="actions start">
          <Button kind="secondary" type="submit" busy={steps.note.isPending}>
            {t('case.add_note')}
          </Button>
        </div>
      </form>
    </div>
  );
}

function EarlierTries({ review, reasons }: { review: ReviewCase; reasons: readonly Reason[] }) {
  const ui = useConsole();
  if (review.tries_before.length === 0) return <p className="empty">{ui.t('case.no_tries')}</p>;
  const name = (code: string): string => {
    const reason = reasons.find((each) => each.code === code);
    return reason ? reasonText(reason, 'internal', ui.language) : spellWord(code);
  };
  return (
    <ol className="timeline">
      {review.tries_before.map((entry) => (
        <li key={entry.verification}>
          <TimeText value={entry.created} />
          <strong>{translateWord(ui, 'status', entry.outcome)}</strong>
          <span className="fine">{entry.reasons.map(name).join(' · ')}</span>
        </li>
      ))}
    </ol>
  );
}
