// A button that shows a passkey, with the reason below it when there was none.
import { useMutation } from '@tanstack/react-query';
import { Button } from '../../shared/ui/parts';
import { ErrorNote } from './ErrorNote';

export function PasskeyButton({ label, show, onDone }: { label: string; show: () => Promise<unknown>; onDone: () => void }) {
  const send = useMutation({ mutationFn: show, meta: { signsIn: true }, onSuccess: onDone });
  return (
    <>
      <Button kind="secondary" busy={send.isPending} onClick={() => send.mutate()}>
        {label}
      </Button>
      {send.error && <ErrorNote error={send.error} />}
    </>
  );
}
