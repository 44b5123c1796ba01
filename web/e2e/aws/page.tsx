// A page with AWS's face step alone, so that its test needs no other step. What the test wants is in the fragment.
import { StrictMode, Suspense, lazy, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { Language } from '../../src/shared/i18n/language';
import type { AwsTrouble } from '../../src/person/steps/face/aws/props';
import { texts } from '../../src/person/steps/face/aws/texts';
import '../../src/person/styles/main.css';
import './page.css';

const AwsFace = lazy(() => import('../../src/person/steps/face/aws'));

interface Wanted {
  token: string;
  language: Language;
  flashing: boolean;
  stream: string;
}

const wanted = JSON.parse(decodeURIComponent(location.hash.slice(1))) as Wanted;
document.documentElement.lang = wanted.language;

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const headers = { Authorization: `Bearer ${wanted.token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  return (await answer.json()) as T;
}

async function credentials() {
  const { data } = await ask<{ data: Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', string> }>(
    '/api/aws/credentials',
  );
  return { ...data, expiration: new Date(data.expiration) };
}

function Page() {
  const [flashing, setFlashing] = useState(wanted.flashing);
  const [session, setSession] = useState<string>();
  const [failed, setFailed] = useState<{ trouble: AwsTrouble; retry: boolean }>();
  const [said, setSaid] = useState('');

  async function start(withFlashing: boolean) {
    setFlashing(withFlashing);
    setFailed(undefined);
    setSession(undefined);
    const challengeType = withFlashing ? 'FaceMovementAndLightChallenge' : 'FaceMovementChallenge';
    const made = await ask<{ sessionId: string }>('/api/face-liveness/session', { challengeType });
    setSession(made.sessionId);
  }

  async function finish() {
    const { data } = await ask<{ data: { isLive: boolean; confidenceScore: number } }>(`/api/face-liveness/results/${session}`);
    setSession(undefined);
    setSaid(`live: ${data.isLive}, confidence: ${data.confidenceScore}`);
  }

  if (failed) {
    const { title, advice } = texts[wanted.language].trouble[failed.trouble];
    return (
      <section role="alert" data-trouble={failed.trouble}>
        <h1>{title}</h1>
        <p>{advice}</p>
        {failed.retry && (
          <button type="button" onClick={() => void start(flashing)}>
            {texts[wanted.language].display.tryAgainText}
          </button>
        )}
      </section>
    );
  }
  if (said) return <p role="status">{said}</p>;
  if (!session) {
    return (
      <button type="button" onClick={() => void start(flashing)}>
        Begin
      </button>
    );
  }
  return (
    <Suspense fallback={<p>…</p>}>
      <button type="button" onClick={() => setSaid('left')}>
        Leave
      </button>
      <AwsFace
        key={session}
        session={session}
        region="us-east-1"
        stream={wanted.stream}
        credentials={credentials}
        language={wanted.language}
        flashing={flashing}
        onDone={finish}
        onCancel={() => setSaid('cancelled')}
        onError={(trouble, retry) => setFailed({ trouble, retry })}
        onWithoutFlashing={() => void start(false)}
      />
    </Suspense>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
