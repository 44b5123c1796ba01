// The link does not work, or no longer: what that means and what to do, never a bare error.
import { useApp, usePage } from './context';
import { Shell } from './Shell';
import { BrokenLink, Clock, TwoTabs } from '../../shared/ui/pictures';
import { Button, Outward, Title } from '../../shared/ui/parts';

type Kind = 'link' | 'expired' | 'reopen' | 'server' | 'bug';

export function Trouble({ kind, reference, onRetry }: { kind: Kind; reference?: string | null; onRetry?: () => void }) {
  const { t, brand } = usePage();
  const needsLink = kind === 'link' || kind === 'expired' || kind === 'reopen';
  return (
    <Shell>
      <section className="stack centred" data-screen={`trouble-${kind}`}>
        {kind === 'expired' ? <Clock /> : <BrokenLink />}
        <Title>{t(`trouble.title_${kind}`)}</Title>
        <p className="lead">{t(`trouble.${kind}`)}</p>
        {needsLink && (
          <div className="panel">
            <h2>{t('trouble.new_link')}</h2>
            <ul className="dotted">
              <li>{t('trouble.new_link_1')}</li>
              <li>{t('trouble.new_link_2', { brand })}</li>
            </ul>
            <Support />
          </div>
        )}
        {reference && <p className="fine">{t('trouble.reference', { id: reference })}</p>}
        <div className="actions">
          {onRetry && <Button onClick={onRetry}>{kind === 'bug' ? t('trouble.reload') : t('app.try_again')}</Button>}
          {needsLink && (
            <a className="button secondary" href="/go">
              <span>{t('trouble.code')}</span>
            </a>
          )}
        </div>
      </section>
    </Shell>
  );
}

/** Whom to ask, as links of their own: large enough for a thumb. */
export function Support() {
  const { t, boot } = usePage();
  const { support_email, support_url } = boot.branding;
  if (!support_email && !support_url) return null;
  return (
    <p className="support">
      {support_url && <Outward href={support_url}>{t('app.support_page')}</Outward>}
      {support_email && <a href={`mailto:${support_email}`}>{t('app.support_email', { email: support_email })}</a>}
    </p>
  );
}

export function OtherTab({ onTake }: { onTake: () => void }) {
  const { t } = usePage();
  return (
    <Shell>
      <section className="stack centred" data-screen="other-tab">
        <TwoTabs />
        <Title>{t('tab.title')}</Title>
        <p className="lead">{t('tab.lead')}</p>
        <div className="actions">
          <Button onClick={onTake}>{t('tab.here')}</Button>
        </div>
      </section>
    </Shell>
  );
}

/** The way to another device, from wherever a person is. */
export function OtherDevice() {
  const { t, go } = useApp();
  return (
    <button type="button" className="button quiet" onClick={() => go('handoff')}>
      <span>{t('device.switch')}</span>
    </button>
  );
}
