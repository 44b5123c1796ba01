// Calls about reviews.
import { callData, callWhole } from './call';
import type { Reason, ReviewCase, ReviewCounts, ReviewOutcome, ReviewRow, Time } from './models';

const at = (id: string, verb = ''): string => `/api/reviews/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export const readReview = (id: string, signal?: AbortSignal): Promise<ReviewCase> => callData('GET', at(id), { signal });
export const readCounts = (): Promise<ReviewCounts> => callData('GET', '/api/reviews/counts');
export const listReasons = async (): Promise<Reason[]> => callData('GET', '/api/reasons');

export const claimNext = (team?: string): Promise<ReviewRow> => callData('POST', '/api/reviews/next', { json: team ? { team } : {} });
export const claimReview = (id: string, claim: { version: number; force?: boolean; reason?: string }): Promise<ReviewCase> =>
  callData('POST', at(id, 'claim'), { json: claim });
export const renewClaim = (id: string, claim_id: string): Promise<{ claim_until: Time }> => callData('POST', at(id, 'renew'), { json: { claim_id } });
export const releaseReview = (id: string, claim_id: string): Promise<unknown> => callWhole('POST', at(id, 'release'), { json: { claim_id } });

export interface Decision {
  claim_id: string;
  version: number;
  reasons: string[];
  steps?: string[];
  message?: string;
  internal_note?: string;
}

export const decideReview = (id: string, outcome: ReviewOutcome, decision: Decision): Promise<unknown> => callWhole('POST', at(id, outcome), { json: decision });
export const undoDecision = (id: string, version: number): Promise<unknown> => callWhole('POST', at(id, 'undo'), { json: { version } });
export const giveSecondLook = (id: string, look: { version: number; agree: boolean; reasons?: string[]; internal_note?: string }): Promise<unknown> =>
  callWhole('POST', at(id, 'second'), { json: look });
export const reopenReview = (id: string, version: number, reason: string): Promise<unknown> => callWhole('POST', at(id, 'reopen'), { json: { version, reason } });
export const addNote = (id: string, text: string): Promise<unknown> => callWhole('POST', at(id, 'notes'), { json: { text } });
export const revealFields = (id: string, claim_id: string, fields: string[], reason: string): Promise<{ values: Record<string, string | null> }> =>
  callData('POST', at(id, 'reveal'), { json: { claim_id, fields, reason } });
