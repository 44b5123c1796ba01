// The users of the console: who they are, inviting, changing, disabling.
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ConsoleUser } from '../../api/models';
import type { Invitation } from '../../api/users';
import { spellWord } from '../../i18n';
import { useCan, useConsole, useMe } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { Page } from '../../ui/Page';
import { SecretOnce } from '../../ui/SecretOnce';
import { TimeText } from '../../ui/TimeText';
import { useList } from '../../ui/useList';
import { InviteDialog } from './InviteDialog';
import { UserDialog } from './UserDialog';

const STATUS_TONES = { invited: 'note', active: 'good', disabled: 'bad' } as const;

export function UsersPage() {
  const { t } = useConsole();
  const me = useMe();
  const client = useQueryClient();
  const seesAudit = useCan('audit:read');
  const list = useList<ConsoleUser>({ key: ['users'], path: '/api/console/users' });
  const [isInviting, setInviting] = useState(false);
  const [changed, setChanged] = useState<ConsoleUser | null>(null);
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const refresh = (): void => void client.invalidateQueries({ queryKey: ['users'] });
  const showLink = (made: Invitation): void => {
    setInviting(false);
    setChanged(null);
    setInvitation(made);
    refresh();
  };
  const columns: Column<ConsoleUser>[] = [
    { id: 'name', title: t('field.name'), cell: (row) => <strong>{row.name || '–'}</strong> },
    { id: 'email', title: t('field.email'), cell: (row) => row.email },
    {
      id: 'role',
      title: t('users.role'),
      cell: (row) => (
        <span className="badges">
          {t(`role.${row.role}`)} {row.senior && <Badge>{t('users.senior')}</Badge>}
        </span>
      ),
    },
    { id: 'teams', title: t('users.teams'), cell: (row) => row.teams?.join(', ') ?? t('common.all') },
    { id: 'status', title: t('profiles.status'), cell: (row) => <Badge tone={STATUS_TONES[row.status]}>{t(`users.${row.status}`)}</Badge> },
    { id: 'factors', title: t('account.factors'), cell: (row) => row.factors.map(spellWord).join(', ') || '–' },
    { id: 'last', title: t('users.last_sign_in'), cell: (row) => <TimeText value={row.last_sign_in} relative /> },
    {
      id: 'acts',
      title: t('common.actions'),
      cell: (row) => (
        <span className="badges">
          {row.id !== me.id && (
            <Button kind="quiet" onClick={() => setChanged(row)} aria-label={t('users.change_one', { name: row.name || row.email })}>
              {t('common.change')}
            </Button>
          )}
          {seesAudit && (
            <Link to="/audit" search={{ actor: row.id }} className="button quiet">
              {t('users.activity')}
            </Link>
          )}
        </span>
      ),
    },
  ];
  return (
    <Page title={t('nav.users')} aside={<Button onClick={() => setInviting(true)}>{t('users.invite')}</Button>}>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('nav.users')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('list.empty')} />
        </div>
      )}
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
      {isInviting && <InviteDialog onInvited={showLink} onClose={() => setInviting(false)} />}
      {changed && (
        <UserDialog
          user={changed}
          onLink={showLink}
          onClose={() => {
            setChanged(null);
            refresh();
          }}
        />
      )}
      {invitation !== null && (
        <SecretOnce
          title={t('users.link_title')}
          text={t(`users.link_${invitation.mail}`)}
          secret={invitation.invitation_url}
          onClose={() => setInvitation(null)}
        />
      )}
    </Page>
  );
}
