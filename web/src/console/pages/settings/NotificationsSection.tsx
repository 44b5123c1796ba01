// E-mails to the staff: the text of each kind in each language, its placeholders, a preview, and an example to oneself.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type MailKind, listMailKinds, sendMailExample } from '../../api/settings';
import { useCan, useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { LANGUAGES, LANGUAGE_NAMES } from '../../../shared/i18n/language';
import { Button, Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { SelectField, TextAreaField, TextField } from '../../ui/fields';
import { Panel } from '../../ui/Page';
import { type MailTemplates, type MailTextDraft, ownText, presentText, previewText, readTemplates, withText } from './mailTemplates';
import { useSettings } from './useSetting';

const KEY = 'mail_templates';

export function NotificationsSection() {
  const kinds = useQuery({ queryKey: ['mail_kinds'], queryFn: listMailKinds, staleTime: Infinity });
  const { query, save } = useSettings();
  const error = kinds.error ?? query.error;
  if (error) return <ErrorNote error={error} onRetry={() => void (kinds.error ? kinds : query).refetch()} />;
  if (!kinds.data || !query.data) return <Spinner large />;
  return <MailTexts kinds={kinds.data} templates={readTemplates(query.data[KEY])} save={save} />;
}

function MailTexts({ kinds, templates, save }: { kinds: readonly MailKind[]; templates: MailTemplates; save: ReturnType<typeof useSettings>['save'] }) {
  const ui = useConsole();
  const { t } = ui;
  const [name, setName] = useState(kinds[0]?.kind ?? '');
  const [language, setLanguage] = useState<string>(ui.language);
  const kind = kinds.find((each) => each.kind === name);
  if (!kind) return null;
  return (
    <Panel title={t('settings.notifications')}>
      <p className="fine">{t('mail.text')}</p>
      <div className="columns">
        <SelectField id="mail-kind" label={t('mail.kind')} value={name} onChange={setName} options={kinds.map((each) => ({ value: each.kind, label: translateWord(ui, 'mail_kind', each.kind) }))} />
        <SelectField id="mail-language" label={t('account.language')} value={language} onChange={setLanguage} options={LANGUAGES.map((each) => ({ value: each, label: LANGUAGE_NAMES[each] }))} />
      </div>
      <MailTextForm key={`${name}/${language}`} kind={kind} language={language} templates={templates} save={save} />
    </Panel>
  );
}

function MailTextForm({ kind, language, templates, save }: { kind: MailKind; language: string; templates: MailTemplates; save: ReturnType<typeof useSettings>['save'] }) {
  const { t } = useConsole();
  const mayWrite = useCan('settings:write');
  const stored = presentText(templates, kind, language);
  const [draft, setDraft] = useState<MailTextDraft>(stored);
  const { subject, text } = stored;
  useEffect(() => setDraft({ subject, text }), [subject, text]);
  const isChanged = draft.subject !== subject || draft.text !== text;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate([{ key: KEY, value: withText(templates, kind, language, draft), isPublic: false }]);
      }}
    >
      <fieldset disabled={!mayWrite} className="stack">
        <TextField id="mail-subject" label={t('mail.subject')} value={draft.subject} maxLength={255} required onChange={(next) => setDraft({ ...draft, subject: next })} />
        <TextAreaField id="mail-body" label={t('mail.body')} hint={t('mail.placeholders', { names: kind.placeholders.map((each) => `{${each.name}}`).join(' ') })} rows={10} maxLength={4_000} value={draft.text} onChange={(next) => setDraft({ ...draft, text: next })} />
      </fieldset>
      <section aria-labelledby="mail-preview" className="stack">
        <h3 id="mail-preview">{t('mail.preview')}</h3>
        <div className="mail-preview" lang={language}>
          <strong>{previewText(kind, draft.subject)}</strong>
          <pre>{previewText(kind, draft.text)}</pre>
        </div>
      </section>
      {save.error && <ErrorNote error={save.error} />}
      {mayWrite && (
        <div className="actions start">
          <Button type="submit" busy={save.isPending} disabled={!isChanged}>
            {t('common.save')}
          </Button>
          <Button kind="secondary" onClick={() => setDraft(ownText(kind, language))}>
            {t('mail.own_text')}
          </Button>
          <ExampleButton kind={kind.kind} language={language} disabled={isChanged} />
        </div>
      )}
    </form>
  );
}

/** Sends the text that is stored, so changes are saved first. */
function ExampleButton({ kind, language, disabled }: { kind: string; language: string; disabled: boolean }) {
  const { t, toast } = useConsole();
  const send = useMutation({
    mutationFn: () => sendMailExample(kind, language),
    onSuccess: ({ mail }) => toast(t(`mail.example_${mail}`), mail === 'sent' ? 'good' : 'bad'),
  });
  return (
    <>
      <Button kind="secondary" busy={send.isPending} disabled={disabled} onClick={() => send.mutate()}>
        {t('mail.example')}
      </Button>
      {send.error && <ErrorNote error={send.error} />}
    </>
  );
}
