// One person's flow: loads it, shows its current screen, or says why it cannot go on here.
import { Suspense, useMemo } from 'react';
import type { FlowState } from '../../shared/api/flow';
import { COUNTED_STEPS, type ScreenName, canGoBack, countStep } from '../flow/screens';
import type { FlowAccess } from '../flow/token';
import { LoadingIndicator, LoadingScreen } from './LoadingScreen';
import { PageFrame, type StepProgress } from './PageFrame';
import { ResubmissionNotice } from './ResubmissionNotice';
import { ScreenView, usePrefetch } from './ScreenView';
import { OtherTabScreen, TroubleScreen } from './TroubleScreen';
import { FlowContext, type PageValues, usePage } from './context';
import { useEmbedMessages } from './useEmbedMessages';
import { useFlowLanguage, useFlowSession, useLinkExpiry, usePolling, useUnsentWarning } from './useFlowSession';
import { goBack, useScreen } from './useScreen';

export function FlowRoot({ access }: { access: FlowAccess }) {
  const { t, setLanguage } = usePage();
  const { session, snapshot, isElsewhere, claimTab } = useFlowSession(access);
  const { flow, trouble, waiting } = snapshot;
  useFlowLanguage(flow, setLanguage);
  const [screen, go] = useScreen(flow, snapshot.choice !== null);
  usePolling(session, screen, !isElsewhere && trouble === null);
  useLinkExpiry(session, flow);
  useUnsentWarning(snapshot.unsent > 0);
  usePrefetch(flow);
  useEmbedMessages(flow, screen);

  const values = useMemo(
    () => (flow && screen ? { session, snapshot, flow, screen, go } : null),
    [session, snapshot, flow, screen, go],
  );

  if (trouble) {
    const retry = trouble.reason === 'server' ? { onRetry: () => { session.clearTrouble(); void session.loadFlow(); } } : {};
    return <TroubleScreen kind={trouble.reason} reference={trouble.reference} {...retry} />;
  }
  if (isElsewhere) return <OtherTabScreen onTake={claimTab} />;
  if (!values || !flow || !screen) return <LoadingScreen waiting={waiting} />;
  return (
    <FlowContext value={values}>
      <PageFrame progress={describeProgress(screen, flow, t)} waiting={waiting} back={canGoBack(screen) ? () => goBack(go, screen) : undefined}>
        <ResubmissionNotice />
        <Suspense fallback={<LoadingIndicator />}>
          <ScreenView screen={screen} />
        </Suspense>
      </PageFrame>
    </FlowContext>
  );
}

function describeProgress(screen: ScreenName, flow: FlowState, t: PageValues['t']): StepProgress | undefined {
  const step = countStep(screen, flow);
  if (step === null) return undefined;
  return { step, steps: COUNTED_STEPS.length, name: t(`steps.${COUNTED_STEPS[step - 1] ?? 'consent'}`) };
}
