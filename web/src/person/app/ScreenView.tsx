// The component of each screen. A step's code is a chunk of its own; the next one is fetched ahead.
import { lazy, useEffect } from 'react';
import type { FlowState, FlowStep } from '../../shared/api/flow';
import type { ScreenName } from '../flow/screens';
import { Consent } from '../steps/consent/Consent';
import { Device } from '../steps/device/Device';

const loadDocumentStep = () => import('../steps/document/DocumentStep');
const loadFaceStep = () => import('../steps/face/FaceStep');
const loadDetailsStep = () => import('../steps/details/DetailsStep');
const DocumentStep = lazy(loadDocumentStep);
const FaceStep = lazy(loadFaceStep);
const DetailsStep = lazy(loadDetailsStep);
const Sending = lazy(() => import('../steps/sending/Sending'));
const Outcome = lazy(() => import('../steps/outcome/Outcome'));
const Handoff = lazy(() => import('../steps/handoff/Handoff'));

const NEXT_STEP_LOADERS: Record<FlowStep, (() => Promise<unknown>) | null> = {
  consent: loadDocumentStep, document: loadFaceStep, face: loadDetailsStep, details: null, outcome: null,
};
/** When the next step's code is fetched, in milliseconds after this one is shown. */
const PREFETCH_DELAY = 1_500;

export function usePrefetch(flow: FlowState | null): void {
  useEffect(() => {
    if (!flow) return;
    const loadNext = NEXT_STEP_LOADERS[flow.step];
    const timer = setTimeout(() => void loadNext?.().catch(() => undefined), PREFETCH_DELAY);
    return () => clearTimeout(timer);
  }, [flow]);
}

export function ScreenView({ screen }: { screen: ScreenName }) {
  switch (screen) {
    case 'consent':
      return <Consent />;
    case 'device':
      return <Device />;
    case 'document':
    case 'front':
    case 'back':
    case 'reading':
      return <DocumentStep screen={screen} />;
    case 'face':
      return <FaceStep />;
    case 'details':
      return <DetailsStep />;
    case 'sending':
      return <Sending />;
    case 'outcome':
      return <Outcome />;
    case 'handoff':
      return <Handoff />;
  }
}
