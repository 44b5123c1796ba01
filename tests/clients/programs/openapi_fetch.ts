// One verification with openapi-fetch and the types of openapi-typescript.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/openapi-fetch/schema';
import { assertIsJpeg, baseUrl, credentials, openPicture, waitFor } from './steps';

type FormValue = string | number | Blob | undefined;

/** The client sends JSON unless it is told how to write a form. */
function toForm(body: Record<string, FormValue>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) {
    if (value !== undefined) form.append(name, value instanceof Blob ? value : String(value));
  }
  return form;
}

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl });
  const token = await client.POST('/api/auth/token', { body: credentials });
  assert.equal(token.data?.token_type, 'Bearer');
  client.use({
    onRequest: ({ request }) => request.headers.set('Authorization', `Bearer ${token.data?.access_token}`),
  });

  const person = { userID: 'openapi-fetch', name: 'JANE MARIE SPECIMEN', documentType: 'passport', gender: 'female' } as const;
  const created = await client.POST('/api/profiles/create', { body: person });
  assert.equal(created.response.status, 201);
  const id = created.data?.id ?? '';
  assert.match(id, /^[a-z0-9]{15}$/);
  const again = await client.POST('/api/profiles/create', { body: person });
  assert.equal(again.data?.message, 'Existing record found');
  const params = { path: { id } };

  const updated = await client.PATCH('/api/profiles/{id}', {
    params,
    body: { document_front: openPicture('passport.jpg'), document_name: 'Jane', face_liveness_result: '{"isLive":true}' },
    bodySerializer: toForm,
  });
  assert.equal(updated.data?.data.document_name, 'Jane');
  assert.match(updated.data?.data.document_front ?? '', /\.jpg$/);

  const recorded = await client.POST('/api/verification_history/{id}', {
    params,
    body: {
      liveness_session_id: 'openapi-fetch-session',
      liveness_confidence: 95.5,
      liveness_status: 'live',
      document_type: 'passport',
      name: 'JANE MARIE SPECIMEN',
      fingerprint: JSON.stringify({ visitorId: 'visitor' }),
      facial_photo: openPicture('portrait.jpg'),
    },
    bodySerializer: toForm,
  });
  assert.equal(recorded.response.status, 201);
  assert.equal(recorded.data?.data.profile, id);
  assert.equal(recorded.data?.data.liveness_confidence, 95.5);

  const record = await waitFor(async () => {
    const { data } = await client.GET('/api/profiles/{id}', { params });
    const shown = data?.data.verification_history;
    return shown && shown.checks_status !== 'pending' ? shown : null;
  });
  assert.equal(record.checks_status, 'done');
  const kinds: components['schemas']['CheckKind'][] = ['document', 'face_match', 'liveness', 'data_agreement'];
  assert.deepEqual(record.checks?.map((check) => check.check), kinds);
  const specimen = record.checks?.[0]?.findings.find((finding) => finding.code === 'specimen');
  assert.equal(specimen?.outcome, 'warn');

  const listed = await client.GET('/api/profiles', { params: { query: { userID: 'openapi-fetch' } } });
  assert.deepEqual(listed.data?.data.map((entry) => entry.id), [id]);
  assert.equal(listed.data?.next_cursor, null);
  const records = await client.GET('/api/verification_history/{id}', { params });
  const front = records.data?.data[0]?.document_front ?? '';
  const file = await client.GET('/api/files/{collection}/{recordId}/{filename}', {
    params: { path: { collection: 'verification_history', recordId: record.id, filename: front } },
    parseAs: 'blob',
  });
  assert.ok(file.data);
  await assertIsJpeg(file.data);

  const missing = await client.GET('/api/profiles/{id}', { params: { path: { id: 'abc123def456ghi' } } });
  assert.equal(missing.response.status, 404);
  assert.equal(missing.error?.error, 'Identivia record not found');
}

main().then(() => console.log('openapi-fetch: one verification'));
