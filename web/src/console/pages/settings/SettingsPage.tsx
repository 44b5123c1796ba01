// Settings: sections by permission.
import { Link, useParams } from '@tanstack/react-router';
import { type ComponentType, lazy, Suspense } from 'react';
import { useConsole, useMe } from '../../app/context';
import { type SettingsSection, openSections } from '../../app/navigation';
import { PageForbidden } from '../../app/PageStates';
import { Spinner } from '../../../shared/ui/parts';
import { Page } from '../../ui/Page';
import { GeneralSection } from './GeneralSection';
import { NotificationsSection } from './NotificationsSection';
import { ProvidersSection } from './ProvidersSection';
import { ReasonsSection } from './ReasonsSection';
import { ReviewSection } from './ReviewSection';

const SECTIONS: Record<SettingsSection, ComponentType> = {
  general: GeneralSection,
  review: ReviewSection,
  reasons: ReasonsSection,
  notifications: NotificationsSection,
  webhooks: lazy(() => import('./WebhooksSection').then((file) => ({ default: file.WebhooksSection }))),
  clients: lazy(() => import('./ClientsSection').then((file) => ({ default: file.ClientsSection }))),
  providers: ProvidersSection,
};

export function SettingsPage() {
  const { t } = useConsole();
  const { permissions } = useMe();
  const { section } = useParams({ strict: false }) as { section?: string };
  const open = openSections(permissions);
  const shown = section === undefined ? open[0] : open.find((each) => each === section);
  if (!shown) return <PageForbidden />;
  const Section = SECTIONS[shown];
  return (
    <Page title={t('nav.settings')} narrow={shown === 'general' || shown === 'review' || shown === 'notifications'}>
      <ul className="tabs" aria-label={t('nav.settings')}>
        {open.map((each) => (
          <li key={each}>
            <Link to="/settings/$section" params={{ section: each }} aria-current={each === shown ? 'page' : undefined}>
              {t(`settings.${each}`)}
            </Link>
          </li>
        ))}
      </ul>
      <Suspense fallback={<Spinner large />}>
        <Section />
      </Suspense>
    </Page>
  );
}
