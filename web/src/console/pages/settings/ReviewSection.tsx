// Review settings: due time, undo time, tries, four eyes.
import { useEffect, useState } from 'react';
import { useCan, useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { CheckField, TextField } from '../../ui/fields';
import { Panel } from '../../ui/Page';
import { NUMBER_SETTINGS, SWITCH_SETTINGS, type ReviewSettings, changedSettings, readReviewSettings } from './reviewSettings';
import { useSettings } from './useSetting';

export function ReviewSection() {
  const { query, save } = useSettings();
  if (query.error) return <ErrorNote error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner large />;
  return <ReviewForm stored={readReviewSettings(query.data)} save={save} />;
}

function ReviewForm({ stored, save }: { stored: ReviewSettings; save: ReturnType<typeof useSettings>['save'] }) {
  const { t } = useConsole();
  const mayWrite = useCan('settings:write');
  const [draft, setDraft] = useState(stored);
  const key = JSON.stringify(stored);
  useEffect(() => setDraft(JSON.parse(key) as ReviewSettings), [key]);
  const changes = changedSettings(stored, draft);
  return (
    <Panel title={t('settings.review')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(changes);
        }}
      >
        <fieldset disabled={!mayWrite} className="stack">
          <div className="columns">
            {NUMBER_SETTINGS.map(({ key: name, min, max }) => (
              <TextField key={name} id={name} type="number" min={min} max={max} required label={t(`setting.${name}`)} hint={t(`setting.${name}_hint`)} value={draft[name]} onChange={(value) => setDraft({ ...draft, [name]: value })} />
            ))}
          </div>
          {SWITCH_SETTINGS.map((name) => (
            <CheckField key={name} id={name} label={t(`setting.${name}`)} hint={t(`setting.${name}_hint`)} value={draft[name]} onChange={(value) => setDraft({ ...draft, [name]: value })} />
          ))}
        </fieldset>
        {save.error && <ErrorNote error={save.error} />}
        {mayWrite && (
          <div className="actions start">
            <Button type="submit" busy={save.isPending} disabled={changes.length === 0}>
              {t('common.save')}
            </Button>
          </div>
        )}
      </form>
    </Panel>
  );
}
