// Adds a passkey: its name, then the browser's own dialog. Recovery codes follow for a user who has none.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { addPasskey } from '../../api/passkeys';
import { Button } from '../../../shared/ui/parts';
import { useConsole } from '../../app/context';
import { ErrorNote } from '../../ui/ErrorNote';
import { TextField } from '../../ui/fields';

export function EnrolPasskey({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t } = useConsole();
  const [name, setName] = useState('');
  const add = useMutation({ mutationFn: () => addPasskey(name), meta: { signsIn: true }, onSuccess: (answer) => onCodes(answer.recovery_codes) });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <p>{t('passkey.text')}</p>
      <TextField id="passkey-name" label={t('passkey.name')} hint={t('passkey.name_hint')} maxLength={60} value={name} onChange={setName} />
      {add.error && <ErrorNote error={add.error} />}
      <Button type="submit" busy={add.isPending}>
        {t('passkey.create')}
      </Button>
    </form>
  );
}
