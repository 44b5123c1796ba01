// One review: reading it, and every step that changes it. A refused step shows why and reads the newest state.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useRef, useState } from 'react';
import { ApiError } from '../../api/call';
import { addNote, claimNext, claimReview, decideReview, giveSecondLook, readReview, releaseReview, reopenReview, undoDecision } from '../../api/reviews';
import type { ReviewCase, ReviewOutcome } from '../../api/models';
import { explainError } from '../../app/explainError';
import { refreshEvery } from '../../app/liveUpdates';
import { useConsole } from '../../app/context';
import { type DecisionDraft, toDecision } from './decisionForm';
import { useLease } from './useLease';

const REFRESH = 20_000;

export function useReview(id: string) {
  const { t, announce } = useConsole();
  const client = useQueryClient();
  const [refusal, setRefusal] = useState<unknown>(null);
  const key = ['reviews', 'one', id];
  const query = useQuery({ queryKey: key, queryFn: ({ signal }) => readReview(id, signal), refetchInterval: refreshEvery(REFRESH) });
  const review = query.data;
  // A decision names the claim that it was written under, also when that has ended meanwhile: then the server says so.
  const ownClaim = useRef('');
  if (review?.claim_id) ownClaim.current = review.claim_id;

  const refresh = useCallback(() => client.invalidateQueries({ queryKey: ['reviews'] }), [client]);
  const refuse = useCallback(
    (error: unknown) => {
      setRefusal(error);
      void refresh();
    },
    [refresh],
  );
  const step = <A,>(run: (review: ReviewCase, argument: A) => Promise<unknown>, said: string) => ({
    mutationFn: async (argument: A) => {
      if (!review) throw new Error('the review is not loaded');
      return run(review, argument);
    },
    onSuccess: () => {
      setRefusal(null);
      announce(said);
      return refresh();
    },
    onError: refuse,
  });

  const claim = useMutation(step((now, force: { force?: boolean; reason?: string }) => claimReview(id, { version: now.version, ...force }), t('case.said_claimed')));
  const release = useMutation(step((now) => releaseReview(id, now.claim_id ?? ownClaim.current), t('case.said_released')));
  const decide = useMutation(
    step(
      (now, { outcome, draft }: { outcome: ReviewOutcome; draft: DecisionDraft }) =>
        decideReview(id, outcome, toDecision(outcome, draft, { claim_id: now.claim_id ?? ownClaim.current, version: now.version })),
      t('case.said_decided'),
    ),
  );
  const undo = useMutation(step((now) => undoDecision(id, now.version), t('case.said_undone')));
  const second = useMutation(
    step((now, look: { agree: boolean; reasons: string[]; note: string }) => giveSecondLook(id, { version: now.version, agree: look.agree, reasons: look.reasons, ...(look.note && { internal_note: look.note }) }), t('case.said_second')),
  );
  const reopen = useMutation(step((now, reason: string) => reopenReview(id, now.version, reason), t('case.said_reopened')));
  const note = useMutation(step((_now, text: string) => addNote(id, text), t('case.said_noted')));

  useLease(id, review?.mine && review.state === 'claimed' ? (review.claim_id ?? null) : null, refuse);
  return { query, review, refusal, clearRefusal: () => setRefusal(null), refresh, claim, release, decide, undo, second, reopen, note };
}

export type ReviewSteps = ReturnType<typeof useReview>;

/** Claims the next review and opens it. */
export function useClaimNext() {
  const ui = useConsole();
  const { t, toast } = ui;
  const navigate = useNavigate();
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => claimNext(),
    onSuccess: (row) => {
      void client.invalidateQueries({ queryKey: ['reviews'] });
      void navigate({ to: '/reviews/$id', params: { id: row.id } });
    },
    onError: (error) => toast(error instanceof ApiError && error.status === 404 ? t('queue.nothing_next') : explainError(error, ui).title),
  });
}
