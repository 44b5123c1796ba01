// An API error as it teaches: what is wrong, what to do, and the fields that are named.
import { Button, Notice } from '../../shared/ui/parts';
import { useConsole } from '../app/context';
import { explainError } from '../app/explainError';

export function ErrorNote({ error, onRetry, withoutFields = false }: { error: unknown; onRetry?: () => void; withoutFields?: boolean }) {
  const ui = useConsole();
  const { title, help, fields, requestId } = explainError(error, ui);
  return (
    <div role="alert">
      <Notice kind="problem">
        <p>
          <strong>{title}</strong>
        </p>
        {help && <p>{help}</p>}
        {!withoutFields && fields.length > 0 && (
          <ul className="plain-list">
            {fields.map(([name, problem]) => (
              <li key={name}>
                <code>{name}</code> {problem}
              </li>
            ))}
          </ul>
        )}
        {requestId && <p className="fine">{ui.t('error.request_id', { id: requestId })}</p>}
        {onRetry && (
          <Button kind="secondary" onClick={onRetry}>
            {ui.t('common.try_again')}
          </Button>
        )}
      </Notice>
    </div>
  );
}
