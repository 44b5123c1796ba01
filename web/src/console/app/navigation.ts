// The pages of the console, and which of them a user may open.

export interface PageEntry {
  id: 'overview' | 'queue' | 'profiles' | 'users' | 'audit' | 'analytics' | 'settings';
  path: string;
  /** Any of these opens it. */
  permissions: readonly string[];
}

export const PAGES: readonly PageEntry[] = [
  { id: 'overview', path: '/', permissions: ['console:self', 'reviews:read', 'analytics:read', 'audit:read', 'users:manage', 'settings:read', 'profiles:read'] },
  { id: 'queue', path: '/queue', permissions: ['reviews:read'] },
  { id: 'profiles', path: '/profiles', permissions: ['profiles:read'] },
  { id: 'users', path: '/users', permissions: ['users:manage'] },
  { id: 'audit', path: '/audit', permissions: ['audit:read'] },
  { id: 'analytics', path: '/analytics', permissions: ['analytics:read'] },
  { id: 'settings', path: '/settings', permissions: ['settings:read', 'webhooks:read', 'clients:manage', 'health:read'] },
];

export const openPages = (permissions: readonly string[]): readonly PageEntry[] =>
  PAGES.filter((page) => page.id === 'overview' || page.permissions.some((each) => permissions.includes(each)));

/** Whether a user may open a path of the console. Paths without a page of their own, such as the account, are open to everybody. */
export function mayOpen(path: string, permissions: readonly string[]): boolean {
  const start = path.startsWith('/reviews/') ? '/queue' : path;
  const page = PAGES.find((each) => each.path !== '/' && (start === each.path || start.startsWith(`${each.path}/`)));
  return !page || page.permissions.some((each) => permissions.includes(each));
}

export const SETTINGS_SECTIONS = ['general', 'review', 'reasons', 'notifications', 'webhooks', 'clients', 'providers'] as const;
export type SettingsSection = (typeof SETTINGS_SECTIONS)[number];

const SECTION_PERMISSIONS: Record<SettingsSection, string> = {
  general: 'settings:read',
  review: 'settings:read',
  reasons: 'reviews:read',
  notifications: 'settings:read',
  webhooks: 'webhooks:read',
  clients: 'clients:manage',
  providers: 'health:read',
};

export const openSections = (permissions: readonly string[]): readonly SettingsSection[] =>
  SETTINGS_SECTIONS.filter((section) => permissions.includes(SECTION_PERMISSIONS[section]));
