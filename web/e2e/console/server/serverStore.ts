// The stores of the real server: SQLite in its data folder, or a PostgreSQL of its own (tests/services.sh) that goes with the tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export type StoreName = 'sqlite' | 'postgres';

const SERVICES = resolve(import.meta.dirname, '../../../../tests/services.sh');

export interface RunningStore {
  /** What the server is told of it. */
  settings: Record<string, string>;
  stop(): Promise<void>;
}

export async function startStore(name: StoreName): Promise<RunningStore> {
  if (name === 'sqlite') return { settings: {}, stop: async () => undefined };
  const child = spawn(SERVICES, ['postgres', '--orders'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const variables = await readVariables(child);
  const url = variables['DATABASE_URL'];
  if (!url) throw new Error(`PostgreSQL did not start; \`make services\` installs what is missing. It said: ${JSON.stringify(variables)}`);
  return {
    settings: { DATABASE_URL: url },
    // It ends with its input, and takes its folder with it.
    stop: async () => {
      const isGone = new Promise((done) => child.once('exit', done));
      child.stdin?.end();
      await isGone;
    },
  };
}

/** Reads `NAME=value` lines up to the empty one, or to the end of a service that did not start. */
function readVariables(child: ChildProcess): Promise<Record<string, string>> {
  return new Promise((done, fail) => {
    let printed = '';
    const read = (): Record<string, string> =>
      Object.fromEntries(printed.split('\n').filter(Boolean).map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
    child.once('error', fail);
    child.once('exit', () => done(read()));
    child.stdout?.on('data', (part: Buffer) => {
      printed += part.toString();
      if (printed.includes('\n\n')) done(read());
    });
  });
}

export interface ServerClock {
  settings: Record<string, string>;
  /** How far the server's clock is ahead of this machine's. */
  setOffset(minutes: number): void;
  remove(): void;
}

/** A clock for the server that tests move (libfaketime); null where that library is missing. */
export function createClock(): ServerClock | null {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  const library = folders.map((folder) => join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1')).find(existsSync);
  if (!library) return null;
  const folder = mkdtempSync(join(tmpdir(), 'identivia-clock-'));
  const file = join(folder, 'clock');
  const setOffset = (minutes: number): void => writeFileSync(file, `+${minutes}m`);
  setOffset(0);
  return {
    settings: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    setOffset,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
