// The list of profiles, with search. Names and numbers are masked.
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ProfileRow } from '../../api/models';
import { useConsole } from '../../app/context';
import { COUNTRIES } from '../../../shared/i18n/countries';
import { sortCountries } from '../../../shared/i18n/format';
import { Button, Spinner } from '../../../shared/ui/parts';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { translateWord } from '../../i18n';
import { Badge } from '../../ui/Badge';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { SelectField, TextField } from '../../ui/fields';
import { MoreButton } from '../../ui/MoreButton';
import { Page } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { dayToTime, useFilterForm } from '../../ui/useFilterForm';
import { useList } from '../../ui/useList';
import { countryWord, documentWord, statusTone } from '../../ui/words';
import type { ProfileFilter, ProfileFilters } from './profileFilters';

const STATUSES = ['pending', 'in_review', 'verified', 'rejected', 'resubmission_requested'];

export function ProfilesPage() {
  const ui = useConsole();
  const { t } = ui;
  const applied = useSearch({ strict: false }) as ProfileFilters;
  const { from, to, ...rest } = applied;
  const list = useList<ProfileRow>({ key: ['profiles', 'list'], path: '/api/profiles', query: { ...rest, created_after: dayToTime(from), created_before: dayToTime(to, true) } });
  useShortcuts({ search: () => document.getElementById('profile-q')?.focus() });
  const columns: Column<ProfileRow>[] = [
    {
      id: 'name',
      title: t('field.name'),
      cell: (row) => (
        <Link to="/profiles/$id" params={{ id: row.id }}>
          {row.name || row.id}
        </Link>
      ),
    },
    { id: 'user', title: t('profiles.user_id'), cell: (row) => <code>{row.userID}</code> },
    { id: 'status', title: t('profiles.status'), cell: (row) => <Badge tone={statusTone(row.verification_status)}>{translateWord(ui, 'status', row.verification_status)}</Badge> },
    { id: 'step', title: t('profiles.latest'), cell: (row) => translateWord(ui, 'status', row.status) },
    { id: 'country', title: t('field.country'), cell: (row) => countryWord(ui, row.country) },
    { id: 'document', title: t('field.document'), cell: (row) => <>{documentWord(ui, row.document_type)} <span className="fine">{row.document_number}</span></> },
    { id: 'team', title: t('field.team'), cell: (row) => row.team || '–' },
    { id: 'created', title: t('field.created'), cell: (row) => <TimeText value={row.createdAt} /> },
  ];
  return (
    <Page title={t('nav.profiles')}>
      <ProfileFilterForm applied={applied} />
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('nav.profiles')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('profiles.empty')} />
        </div>
      )}
      {list.rows.length > 0 && <MoreButton hasMore={list.hasNextPage} isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Page>
  );
}

function ProfileFilterForm({ applied }: { applied: ProfileFilters }) {
  const ui = useConsole();
  const { t } = ui;
  const navigate = useNavigate();
  const form = useFilterForm<ProfileFilter>(applied);
  const any = { value: '', label: t('common.all') };
  return (
    <form
      className="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: '/profiles', search: form.complete() });
      }}
    >
      <TextField id="profile-q" label={t('common.search')} hint={t('profiles.search_hint')} value={form.draft.q ?? ''} onChange={form.set('q')} maxLength={200} />
      <TextField id="profile-user" label={t('profiles.user_id')} value={form.draft.userID ?? ''} onChange={form.set('userID')} maxLength={255} />
      <SelectField id="profile-status" label={t('profiles.latest')} value={form.draft.status ?? ''} onChange={form.set('status')} options={[any, ...STATUSES.map((value) => ({ value, label: translateWord(ui, 'status', value) }))]} />
      <SelectField id="profile-country" label={t('field.country')} value={form.draft.country ?? ''} onChange={form.set('country')} options={[any, ...sortCountries(ui.language, COUNTRIES).map(({ code, name }) => ({ value: code, label: name }))]} />
      <TextField id="profile-from" type="date" label={t('common.from')} value={form.draft.from ?? ''} onChange={form.set('from')} />
      <TextField id="profile-to" type="date" label={t('common.to')} value={form.draft.to ?? ''} onChange={form.set('to')} />
      <div className="actions start">
        <Button kind="secondary" type="submit">
          {t('common.search')}
        </Button>
        {Object.keys(applied).length > 0 && (
          <Button kind="quiet" onClick={() => void navigate({ to: '/profiles', search: {} })}>
            {t('common.clear')}
          </Button>
        )}
      </div>
    </form>
  );
}
