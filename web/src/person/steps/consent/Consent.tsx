// The consent screen: the welcome and what the person agrees to. The text has a version; the server stores it with time and language.
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

  async function acceptAndGoOn(): Promise<void> {
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
      // The frame shows the lost connection, or the end of the link.
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
      <NeedsList />
      <ConsentText version={version} />
      <AgreeCheckbox isAgreed={isAgreed} isMissing={isMissing && !isAgreed} onChange={setAgreed} />
      {/* Below the text and not fixed to the screen: the person reads it before agreeing. */}
      <div className="actions flat">
        <Button busy={isBusy} onClick={() => void acceptAndGoOn()}>
          {t('welcome.start')}
        </Button>
      </div>
    </section>
  );
}

function NeedsList() {
  const { t } = useFlow();
  return (
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
  );
}

function ConsentText({ version }: { version: string }) {
  const { t, brand, boot, language } = useFlow();
  const { privacy_url } = boot.branding;
  return (
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
  );
}

function AgreeCheckbox({ isAgreed, isMissing, onChange }: { isAgreed: boolean; isMissing: boolean; onChange: (isAgreed: boolean) => void }) {
  const { t } = useFlow();
  return (
    <>
      <label className="tick" data-wrong={isMissing ? '' : undefined}>
        <input
          id="agree"
          type="checkbox"
          checked={isAgreed}
          onChange={(event) => onChange(event.target.checked)}
          aria-invalid={isMissing ? true : undefined}
          aria-describedby={isMissing ? 'agree-error' : undefined}
        />
        <span>{t('welcome.consent_check')}</span>
      </label>
      {isMissing && (
        <p className="error" id="agree-error">
          {t('welcome.consent_missing')}
        </p>
      )}
    </>
  );
}
