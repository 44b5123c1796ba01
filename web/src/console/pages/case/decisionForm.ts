// The form of a decision: which reasons fit it, and what is missing before it can be sent.
import type { BreakdownNode, Reason, ReviewCase, ReviewOutcome } from '../../api/models';
import type { Decision } from '../../api/reviews';

export interface DecisionDraft {
  reasons: string[];
  steps: string[];
  message: string;
  note: string;
}

export const EMPTY_DRAFT: DecisionDraft = { reasons: [], steps: [], message: '', note: '' };

export const RESUBMISSION_STEPS = ['document_front', 'document_back', 'face', 'details'] as const;
export const MAX_MESSAGE = 2_000;

/** The reasons that a decision offers: one that asks for new pictures needs a reason that new pictures can cure. */
export function offerReasons(outcome: ReviewOutcome, reasons: readonly Reason[]): Reason[] {
  if (outcome !== 'request_resubmission') return [...reasons];
  return reasons.filter((reason) => reason.retry !== 'no');
}

/** Reasons that the checks have found come first and are ticked. */
export function suggestReasons(outcome: ReviewOutcome, review: Pick<ReviewCase, 'breakdown'>, offered: readonly Reason[]): string[] {
  if (outcome === 'approve') return [];
  const found = new Set<string>();
  const visit = (nodes: readonly BreakdownNode[]): void => {
    for (const node of nodes) {
      if (node.result === 'fail' || node.result === 'warn') node.reasons.forEach((reason) => found.add(reason));
      visit(node.children ?? []);
    }
  };
  visit(review.breakdown ?? []);
  return offered.filter((reason) => found.has(reason.code)).map((reason) => reason.code);
}

export type DraftProblem = 'reasons' | 'steps';

export function findDraftProblem(outcome: ReviewOutcome, draft: DecisionDraft): DraftProblem | null {
  if (outcome !== 'approve' && draft.reasons.length === 0) return 'reasons';
  if (outcome === 'request_resubmission' && draft.steps.length === 0) return 'steps';
  return null;
}

export function toDecision(outcome: ReviewOutcome, draft: DecisionDraft, claim: { claim_id: string; version: number }): Decision {
  const [message, note] = [draft.message.trim(), draft.note.trim()];
  return {
    ...claim,
    reasons: draft.reasons,
    ...(outcome === 'request_resubmission' && { steps: draft.steps }),
    ...(message && { message }),
    ...(note && { internal_note: note }),
  };
}

export const toggle = (list: readonly string[], item: string): string[] => (list.includes(item) ? list.filter((each) => each !== item) : [...list, item]);

/** The catalogue's text for a person or for reviewers, in the reader's language or in English. */
export function reasonText(reason: Reason, kind: 'person' | 'internal', language: string): string {
  const texts: Partial<Record<string, string>> = reason[kind];
  return texts[language] ?? texts['en'] ?? reason.code;
}
