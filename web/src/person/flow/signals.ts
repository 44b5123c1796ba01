// Device signals for fraud detection. The server treats them as a claim; a failure here never stops the person.
import type { BootData } from '../boot';

const SIGNALS_TIMEOUT = 4_000;
/** The API's limit, in characters. */
const MAX_SIGNALS_LENGTH = 16_384;

interface FingerprintAgent {
  load(options: { region?: string; apiKey?: string }): Promise<{ get(options: { linkedId: string }): Promise<object> }>;
}

export async function collectDeviceSignals(boot: BootData, profile: string): Promise<string | null> {
  try {
    const found = boot.fingerprint ? collectWithAgent(boot.fingerprint, profile) : collectWithLibrary();
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), SIGNALS_TIMEOUT));
    const text = await Promise.race([found, late]);
    return text && text.length <= MAX_SIGNALS_LENGTH ? text : null;
  } catch {
    return null;
  }
}

/** The open-source library (MIT since version 5): its result leaves the page with the record only. */
async function collectWithLibrary(): Promise<string> {
  const { default: FingerprintJS } = await import('@fingerprintjs/fingerprintjs');
  // Without `monitoring: false` the library sometimes reports its use to its makers.
  const agent = await FingerprintJS.load({ monitoring: false });
  const { visitorId, confidence, version } = await agent.get();
  return JSON.stringify({ source: 'fingerprintjs', version, visitorId, confidence: confidence.score });
}

/** Fingerprint's own agent, if the operator has set a key: the server's policy then allows its address. */
async function collectWithAgent({ publicKey, region }: NonNullable<BootData['fingerprint']>, profile: string): Promise<string> {
  const url = `https://fpjscdn.net/v3/${encodeURIComponent(publicKey)}`;
  const agent = (await import(/* @vite-ignore */ url)) as FingerprintAgent;
  const loaded = await agent.load(region ? { region } : {});
  return JSON.stringify(await loaded.get({ linkedId: profile }));
}
