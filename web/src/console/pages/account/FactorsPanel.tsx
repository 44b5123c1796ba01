// The second factors of the own account: the authenticator app, the recovery codes and the passkeys.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { renewRecoveryCodes } from '../../api/session';
import { Button } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { RecoveryCodes } from '../../ui/RecoveryCodes';
import { useConsole, useMe } from '../../app/context';
import { EnrolTotp } from '../signin/EnrolFactor';
import { PasskeyList } from './PasskeyList';

export function FactorsPanel() {
  const { t } = useConsole();
  const { factors } = useMe();
  const client = useQueryClient();
  const [codes, setCodes] = useState<string[] | null>(null);
  const [isEnrolling, setEnrolling] = useState(false);
  const renew = useMutation({ mutationFn: renewRecoveryCodes, onSuccess: (answer) => setCodes(answer.recovery_codes) });
  const close = (): void => {
    setCodes(null);
    setEnrolling(false);
    void client.invalidateQueries({ queryKey: ['me'] });
  };
  return (
    <Panel title={t('account.factors')}>
      <dl className="facts">
        <dt>{t('account.totp')}</dt>
        <dd>
          <Badge tone={factors.totp ? 'good' : 'bad'}>{t(factors.totp ? 'common.on' : 'common.off')}</Badge>
        </dd>
        <dt>{t('account.codes_left')}</dt>
        <dd>
          <Badge tone={factors.recovery_codes_left > 2 ? 'plain' : 'note'}>{factors.recovery_codes_left}</Badge>
        </dd>
      </dl>
      {renew.error && <ErrorNote error={renew.error} />}
      <div className="actions start">
        <Button kind="secondary" busy={renew.isPending} onClick={() => renew.mutate()}>
          {t('account.renew_codes')}
        </Button>
        <Button kind="secondary" onClick={() => setEnrolling(true)}>
          {t(factors.totp ? 'account.replace_totp' : 'account.enrol_totp')}
        </Button>
      </div>
      <PasskeyList />
      <Dialog isOpen={codes !== null} onClose={close} title={t('recovery.title')}>
        <RecoveryCodes codes={codes ?? []} onDone={close} />
      </Dialog>
      <Dialog isOpen={isEnrolling && codes === null} onClose={close} title={t('enrol.title')}>
        <EnrolTotp onCodes={setCodes} />
      </Dialog>
    </Panel>
  );
}
