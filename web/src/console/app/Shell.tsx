// The frame of the console: navigation by permission, the user's menu, and the page.
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useShortcutHelp } from '../keys/ShortcutProvider';
import { Icon, Mark } from '../ui/icons';
import { useConsole, useMe } from './context';
import { mayOpen, openPages } from './navigation';
import { PageForbidden } from './PageStates';
import { useSignOut } from './SignedIn';

export function Shell() {
  const { t } = useConsole();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const place = useLocation();
  const { permissions } = useMe();
  useEffect(() => setMenuOpen(false), [place.pathname]);
  return (
    <div className="shell" data-menu={isMenuOpen ? '' : undefined}>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header className="topbar">
        <button type="button" className="menu-button" aria-expanded={isMenuOpen} aria-controls="navigation" onClick={() => setMenuOpen(!isMenuOpen)}>
          <Icon name={isMenuOpen ? 'close' : 'menu'} />
          <span className="hidden">{t('nav.menu')}</span>
        </button>
        <Mark />
        <span className="brand">{t('app.console')}</span>
      </header>
      <Navigation />
      <main id="content" tabIndex={-1}>
        {mayOpen(place.pathname, permissions) ? <Outlet /> : <PageForbidden />}
      </main>
    </div>
  );
}

function Navigation() {
  const { t } = useConsole();
  const me = useMe();
  const openHelp = useShortcutHelp();
  const signOut = useSignOut();
  return (
    <nav id="navigation" className="sidebar" aria-label={t('nav.label')}>
      <ul>
        {openPages(me.permissions).map((page) => (
          <li key={page.id}>
            <Link to={page.path} activeOptions={{ exact: page.path === '/', includeSearch: false }} activeProps={{ 'aria-current': 'page' }}>
              <Icon name={page.id} />
              {t(`nav.${page.id}`)}
            </Link>
          </li>
        ))}
      </ul>
      <div className="whoami">
        <Link to="/account" activeProps={{ 'aria-current': 'page' }}>
          <Icon name="account" />
          <span>
            <strong>{me.name || me.email}</strong>
            <small>{t(`role.${me.role}`)}</small>
          </span>
        </Link>
        <div className="whoami-acts">
          <button type="button" className="button quiet" onClick={openHelp}>
            {t('keys.open')}
          </button>
          <button type="button" className="button quiet" onClick={signOut}>
            {t('account.sign_out')}
          </button>
        </div>
      </div>
    </nav>
  );
}
