// Gives a passkey of the own account another name.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Passkey } from '../../api/models';
import { renamePasskey } from '../../api/passkeys';
import { Button } from '../../../shared/ui/parts';
import { useConsole } from '../../app/context';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { TextField } from '../../ui/fields';

interface RenamePasskeyProps {
  passkey: Passkey;
  onDone: () => void;
  onClose: () => void;
}

export function RenamePasskey({ passkey, onDone, onClose }: RenamePasskeyProps) {
  const { t } = useConsole();
  const [name, setName] = useState(passkey.name);
  const rename = useMutation({ mutationFn: () => renamePasskey(passkey.id, name.trim()), onSuccess: onDone });
  return (
    <Dialog isOpen onClose={onClose} title={t('passkey.rename')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate();
        }}
      >
        <TextField id="passkey-new-name" label={t('passkey.name')} hint={t('passkey.name_hint')} maxLength={60} required pattern=".*\S.*" value={name} onChange={setName} />
        {rename.error && <ErrorNote error={rename.error} />}
        <div className="actions">
          <Button type="button" kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={rename.isPending}>
            {t('common.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
