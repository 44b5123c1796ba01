// The face check by AWS's component, loaded when it is reached.
import { Suspense, lazy } from 'react';
import { Title } from '../../../shared/ui/parts';
import { LoadingIndicator } from '../../app/LoadingScreen';
import { useFlow } from '../../app/context';
import type { AwsFaceProps } from './aws/props';
import { fetchAwsCredentials } from './faceCheck';

const AwsFace = lazy(() => import('./aws'));

type ProviderFaceCheckProps = Pick<AwsFaceProps, 'session' | 'flashing' | 'onDone' | 'onCancel' | 'onError'>;

export function ProviderFaceCheck(props: ProviderFaceCheckProps) {
  const { t, language, flow, session } = useFlow();
  const { region, stream } = flow.liveness;
  return (
    <section className="stack" data-screen="face-provider">
      <Title>{t('face.title')}</Title>
      <Suspense fallback={<LoadingIndicator />}>
        <AwsFace {...props} region={region ?? ''} stream={stream} credentials={() => fetchAwsCredentials(session.access.token)} language={language} />
      </Suspense>
    </section>
  );
}
