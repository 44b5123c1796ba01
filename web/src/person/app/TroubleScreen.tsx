// Screens for a link that does not work, and for another tab: what happened and what the person can do.
import { useEffect } from 'react';
import type { EmbedMessage } from '../flow/embedder';
import { useFlow, usePage } from './context';
import { PageFrame } from './PageFrame';
import { BrokenLinkPicture, ClockPicture, TwoTabsPicture } from '../../shared/ui/pictures';
import { Button, ExternalLink, Title } from '../../shared/ui/parts';

type TroubleKind = 'link' | 'expired' | 'reopen' | 'server' | 'bug';

const TROUBLE_MESSAGES: Record<TroubleKind, EmbedMessage> = {
  link: { type: 'error', code: 'invalid_link' },
  expired: { type: 'expired' },
  reopen: { type: 'error', code: 'access_lost' },
  server: { type: 'error', code: 'server_failed' },
  bug: { type: 'error', code: 'page_failed' },
};

export function TroubleScreen({ kind, reference, onRetry }: { kind: TroubleKind; reference?: string | null; onRetry?: () => void }) {
  const { t, brand, embedder } = usePage();
  useEffect(() => embedder.post(TROUBLE_MESSAGES[kind]), [embedder, kind]);
  const needsLink = kind === 'link' || kind === 'expired' || kind === 'reopen';
  return (
    <PageFrame>
      <section className="stack centred" data-screen={`trouble-${kind}`}>
        {kind === 'expired' ? <ClockPicture /> : <BrokenLinkPicture />}
        <Title>{t(`trouble.title_${kind}`)}</Title>
        <p className="lead">{t(`trouble.${kind}`)}</p>
        {needsLink && (
          <div className="panel">
            <h2>{t('trouble.new_link')}</h2>
            <ul className="dotted">
              <li>{t('trouble.new_link_1')}</li>
              <li>{t('trouble.new_link_2', { brand })}</li>
            </ul>
            <SupportLinks />
          </div>
        )}
        {reference && <p className="fine">{t('trouble.reference', { id: reference })}</p>}
        <div className="actions">
          {onRetry && <Button onClick={onRetry}>{kind === 'bug' ? t('trouble.reload') : t('app.try_again')}</Button>}
          {/* The page for codes belongs to no profile, so no site may frame it. */}
          {needsLink && !embedder.isFramed && (
            <a className="button secondary" href="/go">
              <span>{t('trouble.code')}</span>
            </a>
          )}
        </div>
      </section>
    </PageFrame>
  );
}

/** The operator's contacts, as links large enough for a thumb. */
export function SupportLinks() {
  const { t, boot } = usePage();
  const { support_email, support_url } = boot.branding;
  if (!support_email && !support_url) return null;
  return (
    <p className="support">
      {support_url && <ExternalLink href={support_url}>{t('app.support_page')}</ExternalLink>}
      {support_email && <a href={`mailto:${support_email}`}>{t('app.support_email', { email: support_email })}</a>}
    </p>
  );
}

export function OtherTabScreen({ onTake }: { onTake: () => void }) {
  const { t } = usePage();
  return (
    <PageFrame>
      <section className="stack centred" data-screen="other-tab">
        <TwoTabsPicture />
        <Title>{t('tab.title')}</Title>
        <p className="lead">{t('tab.lead')}</p>
        <div className="actions">
          <Button onClick={onTake}>{t('tab.here')}</Button>
        </div>
      </section>
    </PageFrame>
  );
}

/** Goes to the handoff to another device. */
export function OtherDeviceButton() {
  const { t, go } = useFlow();
  return (
    <button type="button" className="button quiet" onClick={() => go('handoff')}>
      <span>{t('device.switch')}</span>
    </button>
  );
}
