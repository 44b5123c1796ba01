// Welcome, and what the person agrees to. The text has a version, and the server keeps when it was accepted and in which language.
import { useState } from 'react';
import { useFlow } from '../../app/context';
import { isComputer } from '../../camera/browser';
import { buildConsentVersion } from '../../flow/session';
import { findOpenScreen } from '../../flow/screens';
import { joinNames } from '../../../shared/i18n/format';
import { Button, Notice, ExternalLink, Title } from '../../../shared/ui/parts';
import { Icon, WelcomePicture } from '../../../shared/ui/pictures';

export function Consent() {
  const { t, brand, boot, language, session, flow, go, announce } = useFlow();
  const version = buildConsentVersion(boot.processors);
  const [isAgreed, setAgreed] = useState(flow.consent?.version === version);
  const [isMissing, setMissing] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const { privacy_url } = boot.branding;

  async function start(): Promise<void> {
    if (!isAgreed) {
      setMissing(true);
      announce(t('welcome.consent_missing'), 'now');
      document.getElementById('agree')?.focus();
      return;
    }
    setBusy(true);
    try {
      await session.acceptConsent(version, language);
      const now = session.snapshot().flow;
      if (now) go(now.step === 'document' && !now.document.front && isComputer() ? 'device' : findOpenScreen(now));
    } catch {
      // Said by the frame around: the connection, or the link's end.
    } finally {
      setBusy(false);
    }
  }

  return (
    <section className="stack" data-screen="consent">
      <WelcomePicture />
      <Title>{boot.branding.name ? t('welcome.title_brand', { brand }) : t('welcome.title')}</Title>
      <p className="lead">{t('welcome.lead')}</p>
      {flow.outcome && <Notice kind="note">{t('welcome.again')}</Notice>}
      <div>
        <h2>{t('welcome.need')}</h2>
        <ul className="needs">
          <li>
            <Icon name="national_id" />
            {t('welcome.need_document')}
          </li>
          <li>
            <Icon name="camera" />
            {t('welcome.need_camera')}
          </li>
          <li>
            <Icon name="light" />
            {t('welcome.need_light')}
          </li>
        </ul>
      </div>
      <div className="panel">
        <h2>{t('welcome.consent_title')}</h2>
        <p>{t('welcome.consent_1')}</p>
        <p>{t('welcome.consent_2', { brand })}</p>
        {boot.processors.length > 0 && (
          <p>{t('welcome.consent_others', { brand, names: joinNames(language, boot.processors) })}</p>
        )}
        <p>{t('welcome.consent_3')}</p>
        <p>{t('welcome.consent_4', { brand })}</p>
        <p className="fine">
          {privacy_url && <ExternalLink href={privacy_url}>{t('welcome.privacy')}</ExternalLink>}
          {privacy_url && ' · '}
          {t('welcome.version', { version })}
        </p>
      </div>
      <label className="tick" data-wrong={isMissing && !isAgreed ? '' : undefined}>
        <input
          id="agree"
          type="checkbox"
          checked={isAgreed}
          onChange={(event) => setAgreed(event.target.checked)}
          aria-invalid={isMissing && !isAgreed ? true : undefined}
          aria-describedby={isMissing && !isAgreed ? 'agree-error' : undefined}
        />
        <span>{t('welcome.consent_check')}</span>
      </label>
      {isMissing && !isAgreed && (
        <p className="error" id="agree-error">
          {t('welcome.consent_missing')}
        </p>
      )}
      {/* In its place below the text: what is agreed to comes before agreeing. */}
      <div className="actions flat">
        <Button busy={isBusy} onClick={() => void start()}>
          {t('welcome.start')}
        </Button>
      </div>
    </section>
  );
}
