// Name, language, theme and shortcuts of the own account.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMe } from '../../api/session';
import { LANGUAGES, LANGUAGE_NAMES, type Language } from '../../../shared/i18n/language';
import { Button } from '../../../shared/ui/parts';
import { CheckField, SelectField, TextField } from '../../ui/fields';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { useConsole, useMe } from '../../app/context';
import { THEMES, type Theme, readTheme, saveTheme } from '../../app/theme';

export function PreferencesPanel() {
  const { t, language, setLanguage, toast } = useConsole();
  const me = useMe();
  const client = useQueryClient();
  const [name, setName] = useState(me.name);
  const [theme, setTheme] = useState(readTheme);
  const save = useMutation({
    mutationFn: changeMe,
    onSuccess: (next) => {
      client.setQueryData(['me'], next);
      toast(t('common.saved'));
    },
  });
  return (
    <Panel title={t('account.preferences')}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ name });
        }}
      >
        <p className="fine">
          {me.email} · {t(`role.${me.role}`)}
          {me.teams && ` · ${me.teams.join(', ')}`}
        </p>
        <TextField id="own-name" label={t('field.name')} value={name} onChange={setName} maxLength={255} />
        <div className="actions start">
          <Button kind="secondary" type="submit" busy={save.isPending}>
            {t('common.save')}
          </Button>
        </div>
      </form>
      <div className="columns">
        <SelectField
          id="own-language"
          label={t('account.language')}
          value={language}
          onChange={(next) => {
            setLanguage(next as Language);
            save.mutate({ language: next });
          }}
          options={LANGUAGES.map((each) => ({ value: each, label: LANGUAGE_NAMES[each] }))}
        />
        <SelectField
          id="own-theme"
          label={t('account.theme')}
          hint={t('account.theme_hint')}
          value={theme}
          onChange={(next) => {
            setTheme(next as Theme);
            saveTheme(next as Theme);
          }}
          options={THEMES.map((each) => ({ value: each, label: t(`theme.${each}`) }))}
        />
      </div>
      <CheckField id="own-shortcuts" label={t('account.shortcuts')} hint={t('account.shortcuts_hint')} value={me.shortcuts} onChange={(shortcuts) => save.mutate({ shortcuts })} />
      {me.permissions.includes('reviews:decide') && (
        <CheckField id="own-overdue-mail" label={t('account.overdue_mail')} hint={t('account.overdue_mail_hint')} value={me.overdue_mail} onChange={(wanted) => save.mutate({ overdue_mail: wanted })} />
      )}
      {save.error && <ErrorNote error={save.error} />}
    </Panel>
  );
}
