// What each role may do: requests and who may make them, by the access table of docs/console.md.
import type { Role } from './member';

export const ALL_ROLES: readonly Role[] = ['super_admin', 'admin', 'reviewer', 'auditor'];
const ADMINS: readonly Role[] = ['super_admin', 'admin'];
const DECIDERS: readonly Role[] = ['super_admin', 'admin', 'reviewer'];

/** The pages of the navigation that a role opens. */
export const ACCESS_PAGES: Record<Role, string[]> = {
  super_admin: ['Queue', 'Profiles', 'Users', 'Audit', 'Analytics', 'Settings'],
  admin: ['Queue', 'Profiles', 'Users', 'Audit', 'Analytics', 'Settings'],
  reviewer: ['Queue', 'Profiles', 'Audit', 'Analytics'],
  // Of the settings, the state of the providers.
  auditor: ['Queue', 'Profiles', 'Audit', 'Analytics', 'Settings'],
};

export interface AccessRow {
  method: string;
  path: string;
  body?: unknown;
  roles: readonly Role[];
}

/** Requests that nobody's records come to harm by: who may make them gets another answer than 403. */
export function listAccessRows(at: { review: string; profile: string }): AccessRow[] {
  const nobody = 'zzzzzzzzzzzzzzz';
  const row = (roles: readonly Role[], method: string, path: string, body?: unknown): AccessRow => ({ method, path, roles, ...(body !== undefined && { body }) });
  return [
    row(ALL_ROLES, 'GET', '/api/reviews'),
    row(ALL_ROLES, 'GET', '/api/reviews/counts'),
    row(ALL_ROLES, 'GET', `/api/reviews/${at.review}`),
    row(ALL_ROLES, 'GET', '/api/profiles'),
    row(ALL_ROLES, 'GET', `/api/profiles/${at.profile}`),
    row(ALL_ROLES, 'GET', `/api/status_history/${at.profile}`),
    row(ALL_ROLES, 'GET', `/api/verification_history/${at.profile}`),
    row(ALL_ROLES, 'GET', '/api/audit_events'),
    row(ALL_ROLES, 'GET', '/api/analytics/overview'),
    row(['super_admin', 'admin', 'auditor'], 'GET', '/api/analytics/funnel'),
    row(ALL_ROLES, 'GET', '/api/analytics/reviewers'),
    row(ALL_ROLES, 'GET', '/api/console/me'),
    row(ALL_ROLES, 'GET', '/api/reasons'),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/approve`, {}),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/reject`, {}),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/request_resubmission`, {}),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/renew`, { claim_id: 'x' }),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/release`, { claim_id: 'x' }),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/undo`, { version: 1 }),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/claim`, {}),
    row(DECIDERS, 'POST', `/api/reviews/${at.review}/reveal`, {}),
    row(ADMINS, 'POST', `/api/reviews/${at.review}/second`, {}),
    row(ADMINS, 'POST', `/api/reviews/${at.review}/reopen`, {}),
    row(ADMINS, 'POST', `/api/reviews/${at.review}/claim`, { version: 99, force: true, reason: 'x' }),
    row(ADMINS, 'GET', '/api/console/users'),
    row(ADMINS, 'POST', '/api/console/users', {}),
    row(ADMINS, 'PATCH', `/api/console/users/${nobody}`, {}),
    row(ADMINS, 'DELETE', `/api/console/users/${nobody}`),
    row(ADMINS, 'POST', `/api/console/users/${nobody}/reset_factors`),
    row(ADMINS, 'GET', '/api/settings'),
    row(ADMINS, 'PUT', '/api/settings/review_due_hours', { value: 'no number' }),
    row(ADMINS, 'GET', '/api/webhooks'),
    row(ADMINS, 'POST', '/api/webhooks', {}),
    row(['super_admin'], 'GET', '/api/clients'),
    row(['super_admin'], 'POST', '/api/clients', {}),
    // What machines alone may do.
    row([], 'POST', '/api/profiles/create', { userID: 'made by a person' }),
    row([], 'PATCH', `/api/profiles/${at.profile}`, { verification_status: 'verified' }),
    row([], 'POST', `/api/status_history/${at.profile}`, { previous_status: 'unverified', new_status: 'verified', notes: 'n' }),
    row([], 'POST', '/api/face-liveness/session', {}),
  ];
}
