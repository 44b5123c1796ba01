// AWS's face step: `FaceLivenessDetectorCore` with our texts, colours and files. A chunk of its own, loaded when it is reached.
import { FaceLivenessDetectorCore } from '@aws-amplify/ui-react-liveness';
import '@aws-amplify/ui-react-liveness/styles.css';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button, Notice } from '../../../../shared/ui/parts';
import './aws.css';
import { fetchClockOffset } from './clock';
import { guardCameraAndStream } from './guard';
import { useRelabel } from './relabel';
import type { AwsFaceProps } from './props';
import { type AwsTexts, texts } from './texts';
import { canRetry, type LivenessError, toAwsTrouble } from './trouble';

/** The folder of the model and wasm files that the build makes, with a trailing slash. */
declare const __LIVENESS_ASSETS__: string;

export default function AwsFace(props: AwsFaceProps) {
  const { session, region, language, flashing = true } = props;
  const stream = props.stream ?? undefined;
  const words = texts[language];
  const offset = useClockOffset(stream);
  const [isOver, setOver] = useState(false);
  // The component keeps its first props; `latest` gives its callbacks the current ones.
  const latest = useRef(props);
  const root = useRef<HTMLDivElement>(null);
  useRelabel(root, words);
  useEffect(() => void (latest.current = props));

  // Unmounted as soon as it has ended: the component would ask for the camera again by itself.
  const end = (tell: () => void) => {
    setOver(true);
    tell();
  };
  const credentialProvider = async () => {
    const { expiration, ...keys } = await latest.current.credentials();
    // Converted to the device's clock: a fast clock would make them look expired.
    return { ...keys, expiration: new Date(new Date(expiration).getTime() - (offset ?? 0)) };
  };
  const components = useMemo(() => {
    const warning = () => <FlashingWarning words={words} onWithout={latest.current.onWithoutFlashing} />;
    return { ErrorView: EmptyView, PhotosensitiveWarning: flashing ? warning : EmptyView };
  }, [words, flashing]);

  if (isOver) return null;
  return (
    <div className="aws-liveness" ref={root}>
      {offset === undefined ? (
        <p className="aws-liveness-loading" role="status">
          {words.loading}
        </p>
      ) : (
        <FaceLivenessDetectorCore
          sessionId={session}
          region={region}
          displayText={words.display}
          components={components}
          config={{
            binaryPath: __LIVENESS_ASSETS__,
            faceModelUrl: new URL(`${__LIVENESS_ASSETS__}model.json`, location.origin).href,
            credentialProvider,
            systemClockOffset: offset,
            ...(stream ? { endpointOverride: stream } : {}),
          }}
          onAnalysisComplete={async () => latest.current.onDone()}
          onUserCancel={() => end(latest.current.onCancel)}
          onError={(error: LivenessError) => end(() => latest.current.onError(toAwsTrouble(error), canRetry(error)))}
        />
      )}
    </div>
  );
}

/** The clock's offset in milliseconds; undefined until it is known and the files are cached. Also guards camera and stream. */
function useClockOffset(stream: string | undefined): number | undefined {
  const [offset, setOffset] = useState<number>();
  useEffect(() => {
    const release = guardCameraAndStream(stream);
    let isGone = false;
    void Promise.all([fetchClockOffset(), prefetchAssets()]).then(([found]) => isGone || setOffset(found));
    return () => {
      isGone = true;
      release();
    };
  }, [stream]);
  return offset;
}

/** Puts the component's files into the browser's cache: it gives up after 10 seconds, which is short on a slow connection. */
async function prefetchAssets(): Promise<void> {
  const names = ['tfjs-backend-wasm-simd.wasm', 'model.json', 'group1-shard1of1.bin'];
  const get = async (name: string) => (await fetch(`${__LIVENESS_ASSETS__}${name}`)).arrayBuffer();
  await Promise.allSettled(names.map(get)); // The component fetches them again and reports errors.
}

// Replaces the component's own warning, which hides its text behind a symbol and offers no alternative.
function FlashingWarning({ words, onWithout }: { words: AwsTexts; onWithout: (() => void) | undefined }) {
  const { photosensitivityWarningHeadingText, photosensitivityWarningBodyText, photosensitivityWarningInfoText } = words.display;
  return (
    <section className="aws-liveness-warning" aria-labelledby="aws-liveness-warning">
      <Notice kind="note">
        <h2 id="aws-liveness-warning">{photosensitivityWarningHeadingText}</h2>
        <p>{photosensitivityWarningBodyText}</p>
        {onWithout && <p>{photosensitivityWarningInfoText}</p>}
      </Notice>
      {onWithout && (
        <Button kind="secondary" onClick={onWithout}>
          {words.withoutFlashing}
        </Button>
      )}
    </section>
  );
}

// The page shows errors itself.
function EmptyView() {
  return null;
}
