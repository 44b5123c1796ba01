// Recovery codes, shown once: copy them or save them, and say so before going on.
import { useState } from 'react';
import { Button } from '../../shared/ui/parts';
import { useConsole } from '../app/context';
import { CheckField } from './fields';
import { CopyButton } from './CopyButton';
import { saveText } from './saveFile';

export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const { t } = useConsole();
  const [isStored, setStored] = useState(false);
  return (
    <div className="stack">
      <p>{t('recovery.text')}</p>
      <ol className="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className="actions start">
        <CopyButton text={codes.join('\n')} />
        <Button kind="secondary" onClick={() => saveText('identivia-recovery-codes.txt', `${codes.join('\n')}\n`)}>
          {t('recovery.save')}
        </Button>
      </div>
      <CheckField id="codes-stored" label={t('recovery.stored')} value={isStored} onChange={setStored} />
      <Button disabled={!isStored} onClick={onDone}>
        {t('common.continue')}
      </Button>
    </div>
  );
}
