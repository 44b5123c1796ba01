// One profile: its data (masked), consent, status history and verification records.
import { useParams } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { callData } from '../../api/call';
import type { ProfileDetails, StatusEntry, VerificationEntry } from '../../api/models';
import { useCan, useConsole } from '../../app/context';
import { Spinner } from '../../../shared/ui/parts';
import { translateWord } from '../../i18n';
import { Badge } from '../../ui/Badge';
import { DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { Page, Panel } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { useList } from '../../ui/useList';
import { countryWord, documentWord, statusTone } from '../../ui/words';
import { ScoreLine } from '../case/ScoreLine';
import { BreakdownTree } from '../case/BreakdownTree';

export function ProfilePage() {
  const { t } = useConsole();
  const { id } = useParams({ strict: false }) as { id: string };
  const profile = useQuery({ queryKey: ['profiles', 'one', id], queryFn: ({ signal }) => callData<ProfileDetails>('GET', `/api/profiles/${encodeURIComponent(id)}`, { signal }) });
  const seesStatuses = useCan('status_history:read');
  const seesRecords = useCan('verification_history:read');
  return (
    <Page title={profile.data?.name || t('profiles.one')}>
      {profile.error && <ErrorNote error={profile.error} onRetry={() => void profile.refetch()} />}
      {profile.isPending && <Spinner large />}
      {profile.data && (
        <div className="grid-2">
          <ProfileFacts id={id} profile={profile.data} />
          {seesStatuses && <StatusHistory id={id} />}
        </div>
      )}
      {profile.data && seesRecords && <VerificationHistory id={id} />}
    </Page>
  );
}

function ProfileFacts({ id, profile }: { id: string; profile: ProfileDetails }) {
  const ui = useConsole();
  const { t } = ui;
  return (
    <Panel title={t('profiles.data')} aside={<Badge tone={statusTone(profile.verification_status)}>{translateWord(ui, 'status', profile.verification_status)}</Badge>}>
      <dl className="facts">
        <dt>{t('profiles.id')}</dt>
        <dd>
          <code>{id}</code>
        </dd>
        <dt>{t('field.name')}</dt>
        <dd>{profile.name ?? '–'}</dd>
        <dt>{t('field.country')}</dt>
        <dd>{countryWord(ui, profile.country)}</dd>
        <dt>{t('field.document')}</dt>
        <dd>
          {documentWord(ui, profile.document_type)} {profile.document_number}
        </dd>
        <dt>{t('account.language')}</dt>
        <dd>{profile.language ?? '–'}</dd>
        <dt>{t('profiles.latest')}</dt>
        <dd>{translateWord(ui, 'status', profile.status)}</dd>
        <dt>{t('profiles.consent')}</dt>
        <dd>
          {profile.consent ? <TimeText value={profile.consent.accepted} /> : t('profiles.no_consent')}
        </dd>
        <dt>{t('field.created')}</dt>
        <dd>
          <TimeText value={profile.createdAt} />
        </dd>
      </dl>
      <p className="fine">{t('profiles.masked')}</p>
    </Panel>
  );
}

function StatusHistory({ id }: { id: string }) {
  const ui = useConsole();
  const { t } = ui;
  const list = useList<StatusEntry>({ key: ['profiles', 'status', id], path: `/api/status_history/${encodeURIComponent(id)}` });
  return (
    <Panel title={t('profiles.history')}>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner />}
      {list.data && list.rows.length === 0 && <p className="empty">{t('list.empty')}</p>}
      <ol className="timeline">
        {list.rows.map((entry) => (
          <li key={entry.id}>
            <TimeText value={entry.created} />
            <span>
              {translateWord(ui, 'status', entry.previous_status)} → <strong>{translateWord(ui, 'status', entry.new_status)}</strong>
            </span>
            <span className="fine">
              {entry.updated_by}
              {entry.notes && ` · ${entry.notes}`}
            </span>
          </li>
        ))}
      </ol>
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Panel>
  );
}

function VerificationHistory({ id }: { id: string }) {
  const ui = useConsole();
  const { t } = ui;
  const list = useList<VerificationEntry>({ key: ['profiles', 'records', id], path: `/api/verification_history/${encodeURIComponent(id)}` });
  const columns = [
    { id: 'created', title: t('field.created'), cell: (row: VerificationEntry) => <TimeText value={row.created} /> },
    { id: 'status', title: t('profiles.status'), cell: (row: VerificationEntry) => <Badge tone={statusTone(row.status)}>{translateWord(ui, 'status', row.status)}</Badge> },
    { id: 'document', title: t('field.document'), cell: (row: VerificationEntry) => `${documentWord(ui, row.document_type)} ${row.document_number}` },
    { id: 'country', title: t('field.country'), cell: (row: VerificationEntry) => countryWord(ui, row.country) },
    { id: 'checks', title: t('case.checks'), cell: (row: VerificationEntry) => <RecordChecks record={row} /> },
  ];
  return (
    <Panel title={t('profiles.records')}>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner />}
      {list.data && <DataTable caption={t('profiles.records')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('list.empty')} />}
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Panel>
  );
}

function RecordChecks({ record }: { record: VerificationEntry }) {
  const ui = useConsole();
  if (record.breakdown && record.breakdown.length > 0) {
    return (
      <details>
        <summary>{ui.t('profiles.show_checks')}</summary>
        <BreakdownTree nodes={record.breakdown} reasons={[]} />
      </details>
    );
  }
  if (!record.checks || record.checks.length === 0) return <>{translateWord(ui, 'status', record.checks_status)}</>;
  return (
    <div className="stack">
      {record.checks.map((check) => (
        <ScoreLine key={check.check} check={check} />
      ))}
    </div>
  );
}
