// The frame around every screen: brand, language switch, progress, connection, footer.
import { type ReactNode, useEffect, useState } from 'react';
import { LANGUAGES, type Language, LANGUAGE_NAMES } from '../../shared/i18n';
import { formatRelativeTime } from '../../shared/i18n/format';
import { Icon } from '../../shared/ui/pictures';
import { ExternalLink } from '../../shared/ui/parts';
import type { RetryWait } from '../../shared/api/retry';
import { usePage } from './context';

export interface StepProgress {
  step: number;
  steps: number;
  name: string;
}

export function PageFrame({ progress, waiting = null, back, children }: { progress?: StepProgress | undefined; waiting?: RetryWait | null; back?: (() => void) | undefined; children: ReactNode }) {
  const { t, brand, boot } = usePage();
  const { privacy_url, support_email, support_url } = boot.branding;
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header>
        <div className="brand">
          {boot.branding.logo ? <img src={boot.branding.logo} alt={brand} /> : <BrandMark />}
          {!boot.branding.logo && <span>{brand}</span>}
        </div>
        <LanguageSwitch />
      </header>
      <ConnectionNotice waiting={waiting} />
      <main id="content">
        {(progress || back) && (
          <div className="way">
            {back && (
              <button type="button" className="back" onClick={back}>
                <Icon name="back" />
                <span>{t('app.back')}</span>
              </button>
            )}
            {progress && <ProgressBar {...progress} />}
          </div>
        )}
        {children}
      </main>
      <footer>
        <p>
          <Icon name="lock" />
          <span>{t('app.secure', { brand })}</span>
        </p>
        <nav aria-label={t('app.help')}>
          {privacy_url && <ExternalLink href={privacy_url}>{t('app.privacy')}</ExternalLink>}
          {support_url && <ExternalLink href={support_url}>{t('app.support_page')}</ExternalLink>}
          {support_email && <a href={`mailto:${support_email}`}>{t('app.support_email', { email: support_email })}</a>}
        </nav>
      </footer>
    </div>
  );
}

function ProgressBar({ step, steps, name }: StepProgress) {
  const { t } = usePage();
  return (
    <div className="progress">
      <p>
        <span>{t('app.progress', { step, steps })}</span>
        <span className="hidden">: </span>
        <b>{name}</b>
      </p>
      <div className="bars" aria-hidden="true">
        {Array.from({ length: steps }, (_, i) => (
          <i key={i} className={i + 1 < step ? 'done' : i + 1 === step ? 'now' : undefined} />
        ))}
      </div>
    </div>
  );
}

function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="mark">
      <rect width="32" height="32" rx="9" />
      <path d="M16 6.500l7.5 2.800v6.200c0 4.7-3.1 8.4-7.5 10-4.4-1.6-7.5-5.3-7.5-10V9.300z" />
      <path d="M12.6 16l2.5 2.5 4.5-4.7" />
    </svg>
  );
}

function LanguageSwitch() {
  const { t, language, setLanguage } = usePage();
  return (
    <label className="language">
      <Icon name="globe" />
      <span className="hidden">{t('app.language')}</span>
      <select value={language} onChange={(event) => setLanguage(event.target.value as Language)}>
        {LANGUAGES.map((each) => (
          <option key={each} value={each} lang={each}>
            {LANGUAGE_NAMES[each]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Shows a lost or slow connection. Screen readers announce each change once, and not the countdown. */
function ConnectionNotice({ waiting }: { waiting: RetryWait | null }) {
  const { t, language } = usePage();
  const isOnline = useIsOnline();
  const [wasOffline, setWasOffline] = useState(false);
  useEffect(() => {
    if (!isOnline) setWasOffline(true);
    else if (wasOffline) {
      const timer = setTimeout(() => setWasOffline(false), 4_000);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [isOnline, wasOffline]);
  const isPoor = isOnline && waiting !== null;
  const seconds = useSecondsUntil(isPoor ? waiting.until : null);
  const text = !isOnline
    ? t('net.offline')
    : isPoor
      ? t('net.waiting', { time: seconds > 1 ? formatRelativeTime(language, seconds) : t('net.soon') })
      : wasOffline
        ? t('net.back')
        : null;
  return (
    <>
      <div className={text ? `connection ${isOnline && !isPoor ? 'good' : ''}` : 'connection none'} aria-hidden="true">
        {text}
      </div>
      <p className="hidden" role="status">
        {!isOnline ? t('net.offline') : isPoor ? t('net.waiting', { time: t('net.soon') }) : wasOffline ? t('net.back') : ''}
      </p>
    </>
  );
}

function useIsOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setOnline(navigator.onLine);
    window.addEventListener('online', look);
    window.addEventListener('offline', look);
    return () => {
      window.removeEventListener('online', look);
      window.removeEventListener('offline', look);
    };
  }, []);
  return isOnline;
}

/** Counts down the whole seconds until a time. */
export function useSecondsUntil(until: number | null): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (until === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [until]);
  return until === null ? 0 : Math.max(0, Math.ceil((until - now) / 1_000));
}
