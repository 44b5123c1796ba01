// A case: the evidence on the left; data, checks and the decision on the right.
import { Link, useParams } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { listReasons } from '../../api/reviews';
import type { Reason, ReviewCase } from '../../api/models';
import { useCan, useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button, Notice, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { ErrorNote } from '../../ui/ErrorNote';
import { Page, Panel } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { OUTCOME_TONES, STATE_TONES, countryWord, documentWord } from '../../ui/words';
import { BreakdownTree } from './BreakdownTree';
import { CaseHistory } from './CaseHistory';
import { DataComparison } from './DataComparison';
import { DecisionBar } from './DecisionBar';
import { Evidence } from './Evidence';
import { RevealDialog } from './RevealDialog';
import { reasonText } from './decisionForm';
import { type ReviewSteps, useClaimNext, useReview } from './useReview';

export function CasePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  // A case has its own state throughout: what was revealed in one is not shown in the next.
  return <Case key={id} id={id} />;
}

function Case({ id }: { id: string }) {
  const { t } = useConsole();
  const steps = useReview(id);
  const reasons = useQuery({ queryKey: ['reasons'], queryFn: listReasons, staleTime: 600_000 });
  const next = useClaimNext();
  const mayDecide = useCan('reviews:decide');
  useShortcuts(mayDecide ? { claim_next: () => !next.isPending && next.mutate() } : {});
  const { review } = steps;
  const aside = (
    <>
      <Link to="/queue">{t('case.back')}</Link>
      {mayDecide && (
        <Button kind="secondary" busy={next.isPending} onClick={() => next.mutate()} aria-keyshortcuts="n">
          {t('queue.next')}
        </Button>
      )}
    </>
  );
  const name = review ? String(review.record['name'] ?? '') || review.initials : '';
  return (
    <Page title={name ? t('case.title', { name }) : t('case.title_bare')} aside={aside}>
      {steps.query.error && <ErrorNote error={steps.query.error} onRetry={() => void steps.query.refetch()} />}
      {steps.query.isPending && <Spinner large />}
      {review && <CaseContent review={review} steps={steps} reasons={reasons.data ?? []} />}
    </Page>
  );
}

function CaseContent({ review, steps, reasons }: { review: ReviewCase; steps: ReviewSteps; reasons: readonly Reason[] }) {
  const { t } = useConsole();
  const [revealed, setRevealed] = useState<Record<string, string | null>>({});
  const [isRevealing, setRevealing] = useState(false);
  // Without the claim, what was revealed is masked again.
  useEffect(() => {
    if (!review.mine) setRevealed({});
  }, [review.mine]);
  const reveal = review.may.includes('reveal') && (
    <Button kind="secondary" onClick={() => setRevealing(true)}>
      {t('reveal.open')}
    </Button>
  );
  return (
    <>
      <CaseFacts review={review} />
      {steps.refusal !== null && (
        <div className="stack">
          <ErrorNote error={steps.refusal} />
          <div className="actions start">
            <Button kind="quiet" onClick={steps.clearRefusal}>
              {t('common.close')}
            </Button>
          </div>
        </div>
      )}
      <div className="case">
        <section className="panel evidence" aria-label={t('case.evidence')}>
          <Evidence review={review} />
        </section>
        <div className="case-side">
          <DecisionBar review={review} steps={steps} reasons={reasons} />
          <Proposal review={review} />
          <Outcome review={review} reasons={reasons} />
          <Panel title={t('compare.title')} aside={reveal}>
            <DataComparison review={review} revealed={revealed} />
          </Panel>
          <Panel title={t('case.checks')}>
            {review.breakdown ? <BreakdownTree nodes={review.breakdown} reasons={reasons} /> : <p className="empty">{t('tree.running')}</p>}
          </Panel>
          <section className="panel" aria-label={t('case.history')}>
            <CaseHistory review={review} steps={steps} reasons={reasons} />
          </section>
        </div>
      </div>
      {isRevealing && <RevealDialog review={review} onRevealed={(values) => setRevealed((before) => ({ ...before, ...values }))} onClose={() => setRevealing(false)} />}
    </>
  );
}

function CaseFacts({ review }: { review: ReviewCase }) {
  const ui = useConsole();
  const { t } = ui;
  return (
    <div className="case-facts">
      <Badge tone={STATE_TONES[review.state]}>{t(`state.${review.state}`)}</Badge>
      {review.priority === 'high' && <Badge tone="bad">{t('queue.high')}</Badge>}
      <span>
        {countryWord(ui, review.country)} · {documentWord(ui, review.document_type)}
      </span>
      <span>
        {t('queue.due')}: <TimeText value={review.due_at} relative />
      </span>
      {review.holder && (
        <span>
          {t('queue.holder')}: {review.mine ? t('case.you') : review.holder.name}
          {review.claim_until && (
            <>
              {' '}
              · {t('case.until')} <TimeText value={review.claim_until} relative />
            </>
          )}
        </span>
      )}
      <span>
        {t('queue.tries')}: {review.tries}
      </span>
      <Link to="/profiles/$id" params={{ id: review.profile }}>
        {t('case.profile')}
      </Link>
    </div>
  );
}

/** What the first person decided, for the second one. A blind second look shows nothing here. */
function Proposal({ review }: { review: ReviewCase }) {
  const { t } = useConsole();
  if (!review.proposal) return null;
  return (
    <Notice kind="note">
      <p>
        {t('case.proposal', { name: review.proposal.by })} <strong>{t(`outcome.${review.proposal.outcome}`)}</strong> · <TimeText value={review.proposal.at} />
      </p>
    </Notice>
  );
}

function Outcome({ review, reasons }: { review: ReviewCase; reasons: readonly Reason[] }) {
  const { t, language } = useConsole();
  if (!review.outcome) return null;
  const texts = review.reasons.map((code) => {
    const reason = reasons.find((each) => each.code === code);
    return reason ? reasonText(reason, 'internal', language) : code;
  });
  return (
    <Notice kind={OUTCOME_TONES[review.outcome] === 'good' ? 'good' : 'note'}>
      <p>
        <strong>{t(`outcome.${review.outcome}`)}</strong> {review.decided_at && <TimeText value={review.decided_at} />}
      </p>
      {texts.length > 0 && <p>{texts.join(' · ')}</p>}
      {review.message && <p>{t('case.message_sent', { message: review.message })}</p>}
    </Notice>
  );
}
