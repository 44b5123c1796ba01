// Tells the site that embeds this page how far the person is.
import { useEffect, useRef } from 'react';
import type { FlowState, FlowStep } from '../../shared/api/flow';
import { toOutcomeWord } from '../flow/outcomeWord';
import { type ScreenName, toFlowStep } from '../flow/screens';
import { usePage } from './context';

export function useEmbedMessages(flow: FlowState | null, screen: ScreenName | null): void {
  const { embedder } = usePage();
  const stepBefore = useRef<FlowStep | null>(null);
  const step = flow && screen ? toFlowStep(screen, flow) : null;
  const openStep = flow?.step ?? null;
  const wasSubmitted = Boolean(flow?.outcome?.submitted);
  const outcome = flow?.step === 'outcome' ? toOutcomeWord(flow) : null;

  useEffect(() => {
    if (step && step !== 'outcome') embedder.post({ type: 'step', step });
  }, [embedder, step]);

  useEffect(() => {
    const before = stepBefore.current;
    stepBefore.current = openStep;
    // Also when the person has submitted on the phone that they went on with.
    if (before !== null && before !== 'outcome' && openStep === 'outcome' && wasSubmitted) embedder.post({ type: 'submitted' });
  }, [embedder, openStep, wasSubmitted]);

  useEffect(() => {
    if (outcome) embedder.post({ type: 'outcome', outcome });
  }, [embedder, outcome]);
}
