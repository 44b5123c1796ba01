// Starts the fake AWS, OpenAI and Fingerprint for a test.
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const SERVICES = resolve(import.meta.dirname, '../../../tests/services.sh');

export interface TestProviders {
  /** The settings of a server that uses them. */
  settings: Record<string, string>;
  listCalls(): Promise<ProviderCall[]>;
  findNewestStream(): Promise<ProviderCall>;
  /** Makes the next stream fail, with one of the faults of tests/providers/streaming.py. */
  failNextStream(fault: string): Promise<void>;
  stop(): void;
}

export interface ProviderCall {
  provider: string;
  operation: string;
  problems: string[];
  body: {
    events: unknown[];
    video: number;
    closed: number | null;
    Settings?: { ChallengePreferences?: { Type: string }[] };
  };
}

export async function startProviders(): Promise<TestProviders> {
  const child = spawn(SERVICES, ['providers', '--orders'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const settings = await readSettings(child);
  const buildUrl = (path: string) => `${settings['PROVIDERS_URL']}/_/${path}?key=${settings['AWS_ACCESS_KEY_ID']}`;
  const calls = async () => (await fetch(buildUrl('calls'))).json() as Promise<ProviderCall[]>;
  return {
    settings,
    listCalls: calls,
    async findNewestStream() {
      const found = (await calls()).filter((call) => call.provider === 'streaming').at(-1);
      if (!found) throw new Error('There has been no stream.');
      return found;
    },
    async failNextStream(fault) {
      const body = JSON.stringify({ provider: 'streaming', faults: [fault] });
      const answer = await fetch(buildUrl('script'), { method: 'POST', body });
      if (!answer.ok) throw new Error(await answer.text());
    },
    stop: () => child.stdin?.end(),
  };
}

/** Reads the variables that it prints, up to an empty line. */
async function readSettings(child: ChildProcess): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  if (!child.stdout) throw new Error('It has no output.');
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line) return settings;
    const [name = '', ...rest] = line.split('=');
    settings[name] = rest.join('=');
  }
  throw new Error(`The providers did not start: ${JSON.stringify(settings)}`);
}
