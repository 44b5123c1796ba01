// Copies a text, and says that it did.
import { Button } from '../../shared/ui/parts';
import { useConsole } from '../app/context';

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t, toast } = useConsole();
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => toast(t('common.copied')),
      () => toast(t('common.not_copied'), 'bad'),
    );
  };
  return (
    <Button kind="secondary" onClick={copy}>
      {label ?? t('common.copy')}
    </Button>
  );
}
