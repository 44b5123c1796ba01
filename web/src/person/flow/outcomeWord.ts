// The outcome in the three words that the page shows and posts.
import type { FlowState } from '../../shared/api/flow';

export type OutcomeWord = 'pending' | 'verified' | 'rejected';

/** Any other word of a reviewer's reads as pending. */
export function toOutcomeWord({ outcome }: Pick<FlowState, 'outcome'>): OutcomeWord {
  const said = outcome?.status;
  return said === 'verified' || said === 'rejected' ? said : 'pending';
}
