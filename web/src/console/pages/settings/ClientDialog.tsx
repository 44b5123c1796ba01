// Makes an API client with the scopes that it needs.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { createClient } from '../../api/settings';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { CheckField, TextField } from '../../ui/fields';
import { toggle } from '../case/decisionForm';

/** Scopes that a machine client may have. */
export const MACHINE_SCOPES = [
  'profiles:read', 'profiles:write', 'verification_history:read', 'verification_history:write', 'status_history:read', 'status_history:write', 'files:read',
  'liveness:read', 'liveness:write', 'documents:analyze', 'settings:read', 'settings:write', 'events:read', 'webhooks:read', 'webhooks:write', 'health:read',
  'aws:credentials', 'clients:manage', 'reviews:read', 'reviews:decide', 'audit:read', 'analytics:read',
] as const;

export function ClientDialog({ onCreated, onClose }: { onCreated: (secret: string) => void; onClose: () => void }) {
  const { t } = useConsole();
  const [name, setName] = useState('');
  const [team, setTeam] = useState('');
  const [description, setDescription] = useState('');
  const [scopes, setScopes] = useState<string[]>(['profiles:read', 'profiles:write']);
  const create = useMutation({
    mutationFn: () => createClient({ name, scopes, ...(team && { team }), ...(description && { description }) }),
    onSuccess: ({ client_secret }) => onCreated(client_secret),
  });
  const problems = fieldProblems(create.error);
  return (
    <Dialog isOpen onClose={onClose} title={t('clients.add')} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField id="client-name" label={t('field.name')} value={name} onChange={setName} error={problems['name']} maxLength={255} required />
        <TextField id="client-team" label={t('field.team')} hint={t('clients.team_hint')} value={team} onChange={setTeam} error={problems['team']} maxLength={255} />
        <TextField id="client-description" label={t('field.description')} value={description} onChange={setDescription} error={problems['description']} maxLength={2_000} />
        <fieldset>
          <legend>{t('clients.scopes')}</legend>
          <div className="choices">
            {MACHINE_SCOPES.map((scope) => (
              <CheckField key={scope} id={`scope-${scope}`} label={<code>{scope}</code>} value={scopes.includes(scope)} onChange={() => setScopes(toggle(scopes, scope))} />
            ))}
          </div>
        </fieldset>
        {create.error && <ErrorNote error={create.error} />}
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={create.isPending} disabled={scopes.length === 0}>
            {t('clients.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
