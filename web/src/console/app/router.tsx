// The console's routes. Each page is a chunk of its own, loaded when it is first opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { readAuditFilters } from '../pages/audit/auditFilters';
import { readAnalyticsSearch } from '../pages/analytics/analyticsSearch';
import { readProfileFilters } from '../pages/profiles/profileFilters';
import { readQueueSearch } from '../pages/queue/queueSearch';
import { PageFailure, PageMissing, PagePending } from './PageStates';
import { Shell } from './Shell';

const root = createRootRoute({ component: Shell, notFoundComponent: PageMissing, errorComponent: PageFailure, pendingComponent: PagePending });

const overview = createRoute({ getParentRoute: () => root, path: '/', component: lazyRouteComponent(() => import('../pages/overview/OverviewPage'), 'OverviewPage') });
const queue = createRoute({
  getParentRoute: () => root,
  path: '/queue',
  validateSearch: readQueueSearch,
  component: lazyRouteComponent(() => import('../pages/queue/QueuePage'), 'QueuePage'),
});
const review = createRoute({ getParentRoute: () => root, path: '/reviews/$id', component: lazyRouteComponent(() => import('../pages/case/CasePage'), 'CasePage') });
const profiles = createRoute({
  getParentRoute: () => root,
  path: '/profiles',
  validateSearch: readProfileFilters,
  component: lazyRouteComponent(() => import('../pages/profiles/ProfilesPage'), 'ProfilesPage'),
});
const profile = createRoute({ getParentRoute: () => root, path: '/profiles/$id', component: lazyRouteComponent(() => import('../pages/profiles/ProfilePage'), 'ProfilePage') });
const users = createRoute({ getParentRoute: () => root, path: '/users', component: lazyRouteComponent(() => import('../pages/users/UsersPage'), 'UsersPage') });
const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: readAuditFilters,
  component: lazyRouteComponent(() => import('../pages/audit/AuditPage'), 'AuditPage'),
});
const analytics = createRoute({
  getParentRoute: () => root,
  path: '/analytics',
  validateSearch: readAnalyticsSearch,
  component: lazyRouteComponent(() => import('../pages/analytics/AnalyticsPage'), 'AnalyticsPage'),
});
const settings = createRoute({ getParentRoute: () => root, path: '/settings', component: lazyRouteComponent(() => import('../pages/settings/SettingsPage'), 'SettingsPage') });
const settingsSection = createRoute({
  getParentRoute: () => root,
  path: '/settings/$section',
  component: lazyRouteComponent(() => import('../pages/settings/SettingsPage'), 'SettingsPage'),
});
const account = createRoute({ getParentRoute: () => root, path: '/account', component: lazyRouteComponent(() => import('../pages/account/AccountPage'), 'AccountPage') });

const goHome = (): never => {
  throw redirect({ to: '/' });
};
const setup = createRoute({ getParentRoute: () => root, path: '/setup', beforeLoad: goHome });
const invitation = createRoute({ getParentRoute: () => root, path: '/invitation', beforeLoad: goHome });

const routeTree = root.addChildren([overview, queue, review, profiles, profile, users, audit, analytics, settings, settingsSection, account, setup, invitation]);

export const createConsoleRouter = () => createRouter({ routeTree, basepath: '/console', defaultPreload: 'intent', scrollRestoration: false });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
