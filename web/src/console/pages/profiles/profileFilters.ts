// The filters of the list of profiles.
import { readFilters } from '../../ui/useFilterForm';

export const PROFILE_FILTERS = ['q', 'status', 'verification_status', 'country', 'userID', 'from', 'to'] as const;
export type ProfileFilter = (typeof PROFILE_FILTERS)[number];
export type ProfileFilters = { [F in ProfileFilter]?: string };

export const readProfileFilters = (search: Record<string, unknown>): ProfileFilters => readFilters(PROFILE_FILTERS, search);
