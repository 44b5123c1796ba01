// The console's routes. Each page is a chunk of its own, loaded when it is first opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { PageFailure, PageMissing, PagePending } from './PageStates';
import { Shell } from './Shell';

const root = createRootRoute({ component: Shell, notFoundComponent: PageMissing, errorComponent: PageFailure, pendingComponent: PagePending });

const overview = createRoute({ getParentRoute: () => root, path: '/', component: lazyRouteComponent(() => import('../pages/overview/OverviewPage'), 'OverviewPage') });
const account = createRoute({ getParentRoute: () => root, path: '/account', component: lazyRouteComponent(() => import('../pages/account/AccountPage'), 'AccountPage') });

const goHome = (): never => {
  throw redirect({ to: '/' });
};
const setup = createRoute({ getParentRoute: () => root, path: '/setup', beforeLoad: goHome });
const invitation = createRoute({ getParentRoute: () => root, path: '/invitation', beforeLoad: goHome });

const routeTree = root.addChildren([overview, account, setup, invitation]);

export const createConsoleRouter = () => createRouter({ routeTree, basepath: '/console', defaultPreload: 'intent', scrollRestoration: false });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
