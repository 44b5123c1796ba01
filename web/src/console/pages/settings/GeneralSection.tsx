// General: name, logo, colours and links of the person's page, with a preview in both themes.
import { type ChangeEvent, useEffect, useState } from 'react';
import { useCan, useConsole } from '../../app/context';
import { Button, Notice, Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { TextField } from '../../ui/fields';
import { Panel } from '../../ui/Page';
import { BrandPreview } from './BrandPreview';
import { type Branding, BRANDING_TEXTS, MAX_LOGO_BYTES, readBranding, toBrandingValue } from './brandingDraft';
import { useSettings } from './useSetting';

export function GeneralSection() {
  const { query, save } = useSettings();
  if (query.error) return <ErrorNote error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner large />;
  return <BrandingForm stored={readBranding(query.data['branding'])} save={save} />;
}

function BrandingForm({ stored, save }: { stored: Branding; save: ReturnType<typeof useSettings>['save'] }) {
  const { t } = useConsole();
  const mayWrite = useCan('settings:write');
  const [draft, setDraft] = useState(stored);
  const key = JSON.stringify(stored);
  useEffect(() => setDraft(JSON.parse(key) as Branding), [key]);
  const set = (field: keyof Branding) => (value: string) => setDraft((before) => ({ ...before, [field]: value }));
  return (
    <>
      <Panel title={t('branding.title')}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate([{ key: 'branding', value: toBrandingValue(draft), isPublic: true }]);
          }}
        >
          <fieldset disabled={!mayWrite} className="stack">
            {BRANDING_TEXTS.map((field) => (
              <TextField key={field} id={`branding-${field}`} type={field.endsWith('_url') ? 'url' : field === 'support_email' ? 'email' : 'text'} label={t(`branding.${field}`)} value={draft[field] ?? ''} onChange={set(field)} maxLength={2_000} />
            ))}
            <div className="columns">
              <ColourField id="branding-color" label={t('branding.color')} value={draft.color ?? ''} onChange={set('color')} />
              <ColourField id="branding-dark" label={t('branding.color_dark')} value={draft.color_dark ?? ''} onChange={set('color_dark')} />
            </div>
            <LogoField value={draft.logo ?? ''} onChange={set('logo')} />
          </fieldset>
          {save.error && <ErrorNote error={save.error} />}
          {mayWrite && (
            <div className="actions start">
              <Button type="submit" busy={save.isPending}>
                {t('common.save')}
              </Button>
            </div>
          )}
        </form>
      </Panel>
      <Panel title={t('branding.preview')}>
        <p className="fine">{t('branding.preview_text')}</p>
        <BrandPreview branding={draft} />
      </Panel>
    </>
  );
}

function ColourField({ id, label, value, onChange }: { id: string; label: string; value: string; onChange: (value: string) => void }) {
  const isColour = /^#[0-9a-f]{6}$/i.test(value);
  return (
    <div className="with-button colour-field">
      <TextField id={id} label={label} value={value} onChange={onChange} pattern="#[0-9A-Fa-f]{6}" placeholder="#2f4bd8" />
      <input type="color" aria-label={label} value={isColour ? value : '#2f4bd8'} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

function LogoField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useConsole();
  const [problem, setProblem] = useState(false);
  const read = (event: ChangeEvent<HTMLInputElement>): void => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (!file) return;
    setProblem(file.size > MAX_LOGO_BYTES);
    if (file.size > MAX_LOGO_BYTES) return;
    const reader = new FileReader();
    reader.onload = () => onChange(String(reader.result));
    reader.readAsDataURL(file);
  };
  return (
    <div className="field">
      <label htmlFor="branding-logo">{t('branding.logo')}</label>
      <p className="hint" id="branding-logo-hint">
        {t('branding.logo_hint')}
      </p>
      <div className="actions start">
        <input id="branding-logo" type="file" accept="image/png,image/jpeg,image/webp,image/svg+xml" aria-describedby="branding-logo-hint" onChange={read} />
        {value && (
          <Button kind="quiet" onClick={() => onChange('')}>
            {t('branding.no_logo')}
          </Button>
        )}
      </div>
      {problem && <Notice kind="problem">{t('branding.logo_large')}</Notice>}
    </div>
  );
}
