// What the programs of all generated clients share: settings, pictures, and waiting for the checks on a record.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** The longest wait for the checks on a record, in milliseconds: a busy machine takes several times what they need. */
const CHECKS_TIMEOUT = 120_000;
const POLL_INTERVAL = 500;

export function readSetting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: tests/with_server.sh sets it`);
  return value;
}

export const baseUrl = readSetting('IDENTIVIA_URL');
export const credentials = {
  client_id: readSetting('IDENTIVIA_CLIENT_ID'),
  client_secret: readSetting('IDENTIVIA_CLIENT_SECRET'),
};

/** A test picture as a file to upload. */
export function openPicture(name: string): File {
  return new File([readFileSync(`${readSetting('IDENTIVIA_PICTURES')}/${name}`)], name, { type: 'image/jpeg' });
}

/** Reads until the value is there. */
export async function waitFor<T>(read: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + CHECKS_TIMEOUT;
  while (Date.now() < deadline) {
    const value = await read();
    if (value !== null) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
  }
  throw new Error('the checks on the record have not ended in time');
}

/** Asserts that a file is the JPEG that was uploaded: its stored form has the same first bytes. */
export async function assertIsJpeg(file: Blob): Promise<void> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, 3)], [0xff, 0xd8, 0xff]);
  assert.ok(bytes.length > 10_000, `${bytes.length} bytes`);
}
