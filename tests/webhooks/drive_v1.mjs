// Asks the `v1` example of docs/webhook-signatures.md about each line of standard input, and prints accepted or refused.
import { readFileSync } from 'node:fs';
import { readWebhook } from './example.mjs';

// `readline` would also split at U+2028, which JSON may contain.
for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const { key, headers, body } = JSON.parse(line);
  try {
    readWebhook(key, headers, body);
    console.log('accepted');
  } catch (error) {
    console.log(error.name === 'WebhookVerificationError' ? 'refused' : `broken: ${error}`);
  }
}
