// A test page with AWS's face step alone. The test's options are in the address's fragment.
import { StrictMode, Suspense, lazy, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { Language } from '../../src/shared/i18n/language';
import type { AwsTrouble } from '../../src/person/steps/face/aws/props';
import { texts } from '../../src/person/steps/face/aws/texts';
import '../../src/person/styles/main.css';
import './page.css';

const AwsFace = lazy(() => import('../../src/person/steps/face/aws'));

interface PageOptions {
  token: string;
  language: Language;
  flashing: boolean;
  stream: string;
}

const wanted = JSON.parse(decodeURIComponent(location.hash.slice(1))) as PageOptions;
document.documentElement.lang = wanted.language;

async function callServer<T>(path: string, body?: unknown): Promise<T> {
  const headers = { Authorization: `Bearer ${wanted.token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  return (await answer.json()) as T;
}

async function fetchCredentials() {
  const { data } = await callServer<{ data: Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', string> }>(
    '/api/aws/credentials',
  );
  return { ...data, expiration: new Date(data.expiration) };
}

function TestPage() {
  const [flashing, setFlashing] = useState(wanted.flashing);
  const [session, setSession] = useState<string>();
  const [failed, setFailed] = useState<{ trouble: AwsTrouble; retry: boolean }>();
  const [said, setSaid] = useState('');

  async function startCheck(withFlashing: boolean) {
    setFlashing(withFlashing);
    setFailed(undefined);
    setSession(undefined);
    const challengeType = withFlashing ? 'FaceMovementAndLightChallenge' : 'FaceMovementChallenge';
    const made = await callServer<{ sessionId: string }>('/api/face-liveness/session', { challengeType });
    setSession(made.sessionId);
  }

  async function finishCheck() {
    const { data } = await callServer<{ data: { isLive: boolean; confidenceScore: number } }>(`/api/face-liveness/results/${session}`);
    setSession(undefined);
    setSaid(`live: ${data.isLive}, confidence: ${data.confidenceScore}`);
  }

  if (failed) return <FailedCheck {...failed} onAgain={() => void startCheck(flashing)} />;
  if (said) return <p role="status">{said}</p>;
  if (!session) {
    return (
      <button type="button" onClick={() => void startCheck(flashing)}>
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
        credentials={fetchCredentials}
        language={wanted.language}
        flashing={flashing}
        onDone={finishCheck}
        onCancel={() => setSaid('cancelled')}
        onError={(trouble, retry) => setFailed({ trouble, retry })}
        onWithoutFlashing={() => void startCheck(false)}
      />
    </Suspense>
  );
}

function FailedCheck({ trouble, retry, onAgain }: { trouble: AwsTrouble; retry: boolean; onAgain: () => void }) {
  const { title, advice } = texts[wanted.language].trouble[trouble];
  return (
    <section role="alert" data-trouble={trouble}>
      <h1>{title}</h1>
      <p>{advice}</p>
      {retry && (
        <button type="button" onClick={onAgain}>
          {texts[wanted.language].display.tryAgainText}
        </button>
      )}
    </section>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <TestPage />
  </StrictMode>,
);
