// The filters of the audit log.
import type { QueryValue } from '../../api/call';
import { dayToTime, readFilters } from '../../ui/useFilterForm';

export const AUDIT_FILTERS = ['actor', 'kind', 'profile', 'object', 'address', 'from', 'to'] as const;
export type AuditFilter = (typeof AUDIT_FILTERS)[number];
export type AuditFilters = { [F in AuditFilter]?: string };

export const readAuditFilters = (search: Record<string, unknown>): AuditFilters => readFilters(AUDIT_FILTERS, search);

export function toAuditQuery({ from, to, ...rest }: AuditFilters): Record<string, QueryValue> {
  return { ...rest, from: dayToTime(from), to: dayToTime(to, true) };
}

/** The kinds, with a group such as `review.*` before each family of several. */
export function withGroups(kinds: readonly string[]): string[] {
  const families = new Map<string, string[]>();
  for (const kind of [...kinds].sort()) {
    const family = kind.split('.')[0] ?? kind;
    families.set(family, [...(families.get(family) ?? []), kind]);
  }
  return [...families].flatMap(([family, members]) => (members.length > 1 ? [`${family}.*`, ...members] : members));
}
