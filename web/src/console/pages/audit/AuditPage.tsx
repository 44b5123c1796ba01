// The audit log: who did what, when and from where. Rows hold ids and names of fields, never values.
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { callData, fetchExport, withQuery } from '../../api/call';
import type { AuditEntry, AuditKind } from '../../api/models';
import { useConsole } from '../../app/context';
import { spellWord, translateWord } from '../../i18n';
import { Button, Spinner } from '../../../shared/ui/parts';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { SelectField, TextField } from '../../ui/fields';
import { MoreButton } from '../../ui/MoreButton';
import { Page } from '../../ui/Page';
import { saveBlob } from '../../ui/saveFile';
import { TimeText } from '../../ui/TimeText';
import { useFilterForm } from '../../ui/useFilterForm';
import { useList } from '../../ui/useList';
import { detailText } from '../case/CaseHistory';
import { type AuditFilter, type AuditFilters, toAuditQuery, withGroups } from './auditFilters';

export function AuditPage() {
  const ui = useConsole();
  const { t } = ui;
  const applied = useSearch({ strict: false }) as AuditFilters;
  const query = toAuditQuery(applied);
  const list = useList<AuditEntry>({ key: ['audit'], path: '/api/audit_events', query });
  const columns: Column<AuditEntry>[] = [
    { id: 'at', title: t('audit.at'), cell: (row) => <TimeText value={row.at} /> },
    { id: 'actor', title: t('audit.actor'), cell: (row) => <ActorCell row={row} /> },
    { id: 'kind', title: t('audit.kind'), cell: (row) => translateWord(ui, 'event', row.kind) },
    { id: 'object', title: t('audit.object'), cell: (row) => <ObjectCell row={row} /> },
    { id: 'address', title: t('account.address'), cell: (row) => (row.address ? <code>{row.address}</code> : '–') },
    { id: 'detail', title: t('audit.detail'), cell: (row) => <span className="fine">{detailText(row.detail) || '–'}</span> },
  ];
  return (
    <Page title={t('nav.audit')} aside={<ExportButtons filters={applied} />}>
      <AuditFilterForm applied={applied} />
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('nav.audit')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('list.empty')} />
        </div>
      )}
      {list.rows.length > 0 && <MoreButton hasMore={list.hasNextPage} isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Page>
  );
}

function ActorCell({ row }: { row: AuditEntry }) {
  const ui = useConsole();
  return (
    <>
      {row.actor.name || <code>{row.actor.id || '–'}</code>} <span className="fine">{translateWord(ui, 'actor', row.actor.kind)}</span>
    </>
  );
}

function ObjectCell({ row }: { row: AuditEntry }) {
  if (row.profile) {
    return (
      <Link to="/profiles/$id" params={{ id: row.profile }}>
        <code>{row.profile}</code>
      </Link>
    );
  }
  if (!row.object) return <>–</>;
  return (
    <>
      {spellWord(row.object.kind)} <code>{row.object.id}</code>
    </>
  );
}

function ExportButtons({ filters }: { filters: AuditFilters }) {
  const { t, toast } = useConsole();
  const save = useMutation({
    mutationFn: async (format: 'jsonl' | 'csv') => {
      const blob = await fetchExport(withQuery('/api/audit_events/export', { ...toAuditQuery(filters), format }));
      saveBlob(`audit-events.${format}`, blob);
    },
    onSuccess: () => toast(t('audit.exported')),
    onError: () => toast(t('error.unexpected'), 'bad'),
  });
  return (
    <>
      {(['csv', 'jsonl'] as const).map((format) => (
        <Button key={format} kind="secondary" busy={save.isPending && save.variables === format} onClick={() => save.mutate(format)}>
          {t('audit.export', { format: format.toUpperCase() })}
        </Button>
      ))}
    </>
  );
}

function AuditFilterForm({ applied }: { applied: AuditFilters }) {
  const ui = useConsole();
  const { t } = ui;
  const navigate = useNavigate();
  const form = useFilterForm<AuditFilter>(applied);
  const kinds = useQuery({ queryKey: ['audit', 'kinds'], queryFn: () => callData<AuditKind[]>('GET', '/api/audit_events/kinds'), staleTime: Infinity });
  const known = withGroups((kinds.data ?? []).map((each) => each.kind));
  const chosen = form.draft.kind ?? '';
  const options = known.includes(chosen) || chosen === '' ? known : [chosen, ...known];
  return (
    <form
      className="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: '/audit', search: form.complete() });
      }}
    >
      <SelectField id="audit-kind" label={t('audit.kind')} value={chosen} onChange={form.set('kind')} options={[{ value: '', label: t('common.all') }, ...options.map((kind) => ({ value: kind, label: kind.endsWith('.*') ? t('audit.group', { name: spellWord(kind.slice(0, -2)) }) : translateWord(ui, 'event', kind) }))]} />
      <TextField id="audit-actor" label={t('audit.actor_id')} value={form.draft.actor ?? ''} onChange={form.set('actor')} />
      <TextField id="audit-profile" label={t('audit.profile')} value={form.draft.profile ?? ''} onChange={form.set('profile')} />
      <TextField id="audit-object" label={t('audit.object_id')} value={form.draft.object ?? ''} onChange={form.set('object')} />
      <TextField id="audit-address" label={t('account.address')} value={form.draft.address ?? ''} onChange={form.set('address')} />
      <TextField id="audit-from" type="date" label={t('common.from')} value={form.draft.from ?? ''} onChange={form.set('from')} />
      <TextField id="audit-to" type="date" label={t('common.to')} value={form.draft.to ?? ''} onChange={form.set('to')} />
      <div className="actions start">
        <Button kind="secondary" type="submit">
          {t('common.search')}
        </Button>
        {Object.keys(applied).length > 0 && (
          <Button kind="quiet" onClick={() => void navigate({ to: '/audit', search: {} })}>
            {t('common.clear')}
          </Button>
        )}
      </div>
    </form>
  );
}
