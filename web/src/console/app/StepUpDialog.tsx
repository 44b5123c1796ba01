// Asks for a code of the second factor when an operation needs a fresh confirmation.
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { stepUp } from '../api/session';
import { setIdentityAsker } from '../api/stepUp';
import { Button } from '../../shared/ui/parts';
import { CodeField } from '../ui/CodeField';
import { Dialog } from '../ui/Dialog';
import { ErrorNote } from '../ui/ErrorNote';
import { useConsole } from './context';

export function StepUpDialog() {
  const { t } = useConsole();
  const [isOpen, setOpen] = useState(false);
  const [code, setCode] = useState('');
  const answer = useRef<(isConfirmed: boolean) => void>(() => undefined);
  useEffect(
    () =>
      setIdentityAsker(() => {
        setCode('');
        setOpen(true);
        return new Promise((resolve) => {
          answer.current = resolve;
        });
      }),
    [],
  );
  const finish = (isConfirmed: boolean): void => {
    setOpen(false);
    answer.current(isConfirmed);
  };
  const confirm = useMutation({ mutationFn: () => stepUp(code), meta: { signsIn: true }, onSuccess: () => finish(true) });
  const { reset } = confirm;
  useEffect(() => {
    if (isOpen) reset();
  }, [isOpen, reset]);
  return (
    <Dialog isOpen={isOpen} onClose={() => finish(false)} title={t('step_up.title')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          confirm.mutate();
        }}
      >
        <p>{t('step_up.text')}</p>
        <CodeField id="step-up-code" label={t('factor.code')} value={code} onChange={setCode} />
        {confirm.error && <ErrorNote error={confirm.error} />}
        <div className="actions">
          <Button kind="secondary" onClick={() => finish(false)}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={confirm.isPending}>
            {t('step_up.confirm')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
