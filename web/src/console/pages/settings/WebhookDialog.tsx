// Makes a webhook endpoint.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { createWebhook } from '../../api/settings';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { TextField } from '../../ui/fields';

export function WebhookDialog({ onCreated, onClose }: { onCreated: (secret: string) => void; onClose: () => void }) {
  const { t } = useConsole();
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState('profile.*');
  const [description, setDescription] = useState('');
  const [team, setTeam] = useState('');
  const create = useMutation({
    mutationFn: () =>
      createWebhook({ url, events: events.split(/[\s,]+/).filter(Boolean), ...(description && { description }), ...(team && { team }) }),
    onSuccess: ({ secret }) => onCreated(secret),
  });
  const problems = fieldProblems(create.error);
  return (
    <Dialog isOpen onClose={onClose} title={t('webhooks.add')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField id="webhook-url" type="url" label={t('webhooks.url')} value={url} onChange={setUrl} error={problems['url']} placeholder="https://shop.example/webhooks" required />
        <TextField id="webhook-events" label={t('webhooks.events')} hint={t('webhooks.events_hint')} value={events} onChange={setEvents} error={problems['events']} required />
        <TextField id="webhook-team" label={t('field.team')} hint={t('webhooks.team_hint')} value={team} onChange={setTeam} error={problems['team']} maxLength={255} />
        <TextField id="webhook-description" label={t('field.description')} value={description} onChange={setDescription} error={problems['description']} maxLength={2_000} />
        {create.error && <ErrorNote error={create.error} withoutFields={Object.keys(problems).length > 0} />}
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={create.isPending}>
            {t('webhooks.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
