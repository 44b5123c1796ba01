// Shows masked fields for a reason. The server writes which fields and why, never the values.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { revealFields } from '../../api/reviews';
import type { ReviewCase } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { CheckField, SelectField, TextField } from '../../ui/fields';
import { toggle } from './decisionForm';

const FIELDS = ['document_number', 'email', 'address', 'phone', 'ip_address'] as const;
const REASONS = ['compare_document', 'contact_person', 'suspected_fraud', 'legal_request', 'other'] as const;
type RevealReason = (typeof REASONS)[number];

export function RevealDialog({ review, onRevealed, onClose }: { review: ReviewCase; onRevealed: (values: Record<string, string | null>) => void; onClose: () => void }) {
  const ui = useConsole();
  const { t } = ui;
  const [fields, setFields] = useState<string[]>(['document_number']);
  const [reason, setReason] = useState<RevealReason>('compare_document');
  const [words, setWords] = useState('');
  const isComplete = fields.length > 0 && (reason !== 'other' || words.trim() !== '');
  const reveal = useMutation({
    // The reason is stored in one language: reviewers may read different ones.
    mutationFn: () => revealFields(review.id, review.claim_id ?? '', fields, [reason, words.trim()].filter(Boolean).join(': ')),
    onSuccess: ({ values }) => {
      onRevealed(values);
      onClose();
    },
  });
  const send = (): void => {
    if (isComplete && !reveal.isPending) reveal.mutate();
  };
  useShortcuts({ confirm: send });
  return (
    <Dialog isOpen onClose={onClose} title={t('reveal.title')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <p>{t('reveal.text')}</p>
        <fieldset>
          <legend>{t('reveal.fields')}</legend>
          <div className="choices">
            {FIELDS.map((field) => (
              <CheckField key={field} id={`reveal-${field}`} label={translateWord(ui, 'field', field)} value={fields.includes(field)} onChange={() => setFields(toggle(fields, field))} />
            ))}
          </div>
        </fieldset>
        <SelectField id="reveal-reason" label={t('decide.reason')} value={reason} onChange={(value) => setReason(value as RevealReason)} options={REASONS.map((each) => ({ value: each, label: t(`reveal.${each}`) }))} />
        <TextField id="reveal-words" label={t('reveal.words')} value={words} onChange={setWords} maxLength={200} required={reason === 'other'} />
        {reveal.error && <ErrorNote error={reveal.error} />}
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={reveal.isPending} disabled={!isComplete}>
            {t('reveal.go')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
