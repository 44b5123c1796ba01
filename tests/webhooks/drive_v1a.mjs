// Asks the `v1a` example of docs/webhook-signatures.md about each line of standard input, and prints accepted or refused.
import { readFileSync } from 'node:fs';
import { verifyWebhook } from './example.mjs';

// `readline` would also split at U+2028, which JSON may contain.
for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const { key, headers, body } = JSON.parse(line);
  console.log(verifyWebhook(key, headers, Buffer.from(body)) ? 'accepted' : 'refused');
}
