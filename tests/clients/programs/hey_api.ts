// One verification with the client of @hey-api/openapi-ts.
import assert from 'node:assert/strict';
import { type CheckKind, createProfile, createVerificationRecord, getFile, getProfile, issueToken, listProfiles, listVerificationRecords, updateProfile } from '../generated/hey-api';
import { client } from '../generated/hey-api/client.gen';
import { assertIsJpeg, baseUrl, credentials, openPicture, waitFor } from './steps';

async function main(): Promise<void> {
  client.setConfig({ baseUrl });
  const token = await issueToken({ body: credentials, throwOnError: true });
  assert.equal(token.data.token_type, 'Bearer');
  client.setConfig({ auth: token.data.access_token });

  const created = await createProfile({
    body: { userID: 'hey-api', name: 'JANE MARIE SPECIMEN', documentType: 'passport', gender: 'female' },
    throwOnError: true,
  });
  assert.equal(created.response.status, 201);
  const path = { id: created.data.id };
  assert.match(path.id, /^[a-z0-9]{15}$/);

  const updated = await updateProfile({
    path,
    body: { document_front: openPicture('passport.jpg'), document_name: 'Jane', face_liveness_result: '{"isLive":true}' },
    throwOnError: true,
  });
  assert.equal(updated.data.data.document_name, 'Jane');
  assert.match(updated.data.data.document_front, /\.jpg$/);

  const recorded = await createVerificationRecord({
    path,
    body: {
      liveness_session_id: 'hey-api-session',
      liveness_confidence: 95.5,
      liveness_status: 'live',
      document_type: 'passport',
      name: 'JANE MARIE SPECIMEN',
      fingerprint: JSON.stringify({ visitorId: 'visitor' }),
      facial_photo: openPicture('portrait.jpg'),
    },
    throwOnError: true,
  });
  assert.equal(recorded.data.data.profile, path.id);
  assert.equal(recorded.data.data.liveness_confidence, 95.5);

  const record = await waitFor(async () => {
    const { data } = await getProfile({ path, throwOnError: true });
    const shown = data.data.verification_history;
    return shown && shown.checks_status !== 'pending' ? shown : null;
  });
  assert.equal(record.checks_status, 'done');
  const kinds: CheckKind[] = ['document', 'face_match', 'liveness', 'data_agreement'];
  assert.deepEqual(record.checks?.map((check) => check.check), kinds);
  const specimen = record.checks?.[0]?.findings.find((finding) => finding.code === 'specimen');
  assert.equal(specimen?.outcome, 'warn');

  const listed = await listProfiles({ query: { userID: 'hey-api' }, throwOnError: true });
  assert.deepEqual(listed.data.data.map((entry) => entry.id), [path.id]);
  assert.equal(listed.data.next_cursor, null);
  const records = await listVerificationRecords({ path, throwOnError: true });
  const file = await getFile({
    path: { collection: 'verification_history', recordId: record.id, filename: records.data.data[0]?.document_front ?? '' },
    throwOnError: true,
  });
  await assertIsJpeg(file.data);

  const missing = await getProfile({ path: { id: 'abc123def456ghi' } });
  assert.equal(missing.response?.status, 404);
  assert.equal(missing.error?.error, 'Identivia record not found');
}

main().then(() => console.log('@hey-api/openapi-ts: one verification'));
