// Signals of the device, sent along as a claim. Whatever goes wrong here, the person goes on.
import type { Boot } from '../boot';

const PATIENCE = 4_000;
/** What the API takes of them, in characters. */
const LONGEST = 16_384;

interface Agent {
  load(options: { region?: string; apiKey?: string }): Promise<{ get(options: { linkedId: string }): Promise<object> }>;
}

export async function deviceSignals(boot: Boot, profile: string): Promise<string | null> {
  try {
    const found = boot.fingerprint ? fromAgent(boot.fingerprint, profile) : fromBrowser();
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE));
    const text = await Promise.race([found, late]);
    return text && text.length <= LONGEST ? text : null;
  } catch {
    return null;
  }
}

/** The open-source library (MIT since its version 5): nothing leaves the page but with the record. */
async function fromBrowser(): Promise<string> {
  const { default: FingerprintJS } = await import('@fingerprintjs/fingerprintjs');
  // Without `monitoring: false` it would now and then tell its makers that it is in use.
  const agent = await FingerprintJS.load({ monitoring: false });
  const { visitorId, confidence, version } = await agent.get();
  return JSON.stringify({ source: 'fingerprintjs', version, visitorId, confidence: confidence.score });
}

/** Fingerprint's own agent, where an operator has chosen it: the server's policy then allows its address. */
async function fromAgent({ publicKey, region }: NonNullable<Boot['fingerprint']>, profile: string): Promise<string> {
  const url = `https://fpjscdn.net/v3/${encodeURIComponent(publicKey)}`;
  const agent = (await import(/* @vite-ignore */ url)) as Agent;
  const loaded = await agent.load(region ? { region } : {});
  return JSON.stringify(await loaded.get({ linkedId: profile }));
}
