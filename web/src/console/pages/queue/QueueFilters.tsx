// The queue's filters. They are in the address, so a bookmark keeps them.
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { COUNTRIES } from '../../../shared/i18n/countries';
import { sortCountries } from '../../../shared/i18n/format';
import { Button } from '../../../shared/ui/parts';
import { useConsole, useMe } from '../../app/context';
import { SelectField, TextField } from '../../ui/fields';
import { documentWord, findingWord } from '../../ui/words';
import { DUE_WINDOWS, type QueueFilter, type QueueSearch, QUEUE_FILTERS } from './queueSearch';
import { DOCUMENT_TYPES, FINDING_CODES } from '../../ui/codes';

export function QueueFilters({ search }: { search: QueueSearch }) {
  const ui = useConsole();
  const { t } = ui;
  const me = useMe();
  const navigate = useNavigate();
  const [words, setWords] = useState(search.q ?? '');
  const [team, setTeam] = useState(search.team ?? '');
  const set = (filter: QueueFilter, value: string): void => {
    const { [filter]: _old, ...rest } = search;
    void navigate({ to: '/queue', search: value === '' ? rest : { ...rest, [filter]: value }, replace: true });
  };
  const any = { value: '', label: t('common.all') };
  const isFiltered = QUEUE_FILTERS.some((filter) => search[filter]);
  const clear = (): void => {
    setWords('');
    setTeam('');
    void navigate({ to: '/queue', search: search.tab ? { tab: search.tab } : {}, replace: true });
  };
  return (
    <form
      className="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const { q: _q, team: _team, ...rest } = search;
        void navigate({ to: '/queue', search: { ...rest, ...(words && { q: words }), ...(team && { team }) } });
      }}
    >
      <TextField id="queue-q" label={t('common.search')} value={words} onChange={setWords} maxLength={200} />
      {me.teams === null || me.teams.length > 1 ? <TextField id="queue-team" label={t('field.team')} value={team} onChange={setTeam} maxLength={255} /> : null}
      <SelectField id="queue-due" label={t('queue.due')} value={search.due ?? ''} onChange={(value) => set('due', value)} options={[any, ...Object.keys(DUE_WINDOWS).map((each) => ({ value: each, label: t(`queue.due_${each as keyof typeof DUE_WINDOWS}`) }))]} />
      <SelectField id="queue-country" label={t('field.country')} value={search.country ?? ''} onChange={(value) => set('country', value)} options={[any, ...sortCountries(ui.language, COUNTRIES).map(({ code, name }) => ({ value: code, label: name }))]} />
      <SelectField id="queue-document" label={t('field.document')} value={search.document_type ?? ''} onChange={(value) => set('document_type', value)} options={[any, ...DOCUMENT_TYPES.map((each) => ({ value: each, label: documentWord(ui, each) }))]} />
      <SelectField id="queue-finding" label={t('queue.findings')} value={search.finding ?? ''} onChange={(value) => set('finding', value)} options={[any, ...FINDING_CODES.map((each) => ({ value: each, label: findingWord(ui, each) }))]} />
      <div className="actions start">
        <Button kind="secondary" type="submit">
          {t('common.search')}
        </Button>
        {isFiltered && (
          <Button kind="quiet" onClick={clear}>
            {t('common.clear')}
          </Button>
        )}
      </div>
    </form>
  );
}
