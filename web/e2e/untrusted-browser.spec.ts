// A browser that lies: the server stores its claims as claims, and they change nothing.
import { expect, test } from './testServer';
import { uploadDocument } from './flowSteps';

test('claims of a browser do not make a person live, verified or another person', async ({ server }) => {
  const [liar, victim] = [await server.createPerson(), await server.createPerson()];
  await uploadDocument(server, liar);
  const as = (method: string, path: string, body?: unknown) => server.callAsBrowser(liar.token, method, path, body);

  expect((await as('PATCH', `/api/profiles/${liar.id}`, { verification_status: 'verified' })).status).toBe(403);
  const record = { previous_status: 'unverified', new_status: 'verified', notes: 'I say so' };
  expect((await as('POST', `/api/status_history/${liar.id}`, record)).status).toBe(403);

  // Scores of its own are a claim: the step stays the face.
  await as('PATCH', `/api/profiles/${liar.id}`, { face_liveness_status: 'live', face_liveness_confidence: 99.9, face_liveness_session_id: 'made-up' });
  expect((await as('GET', `/api/flow/${liar.id}`)).body.data.step).toBe('face');

  // An invented session, or another person's, makes no record.
  const session = (await server.callAsBrowser(victim.token, 'POST', '/api/face-liveness/session', {})).body.sessionId;
  for (const id of ['made-up', session]) {
    const form = new FormData();
    for (const [name, value] of Object.entries({ liveness_session_id: id, liveness_confidence: '99.9', liveness_status: 'live', document_type: 'passport', date_of_birth: '1990-01-15' })) form.set(name, value);
    form.set('facial_photo', new Blob([new Uint8Array([0xff, 0xd8, 0xff])]), 'face.jpg');
    expect((await as('POST', `/api/verification_history/${liar.id}`, form)).status).toBe(400);
  }

  // Another person's flow does not even exist.
  for (const [method, path] of [['GET', ''], ['POST', '/consent'], ['PUT', '/details'], ['POST', '/handoff']] as const) {
    const body = method === 'GET' ? undefined : { version: '1', language: 'en' };
    expect((await as(method, `/api/flow/${victim.id}${path}`, body)).status, path).toBe(404);
  }
  const profile = await server.callAsMachine('GET', `/api/profiles/${liar.id}`);
  expect(profile.body.data.verification_status).toBe('unverified');
});

test('replayed frames fail the face check', async ({ page, server }) => {
  const { showCamera } = await import('./camera');
  const { PHONE } = await import('./flowSteps');
  await page.setViewportSize(PHONE);
  await showCamera(page, 'passport');
  // The first person's frames are written down as they leave, and are what the second one sends.
  const [one, two] = [await server.createPerson(), await server.createPerson()];
  await uploadDocument(server, one);
  await uploadDocument(server, two);
  let body: Buffer | null = null;
  let type = '';
  await page.route('**/frames', async (route) => {
    body = route.request().postDataBuffer();
    type = (await route.request().headerValue('content-type')) ?? '';
    await route.continue();
  });
  await page.goto(one.url);
  await page.locator('[data-screen="face"] .primary').click();
  await expect(page.locator('[data-screen="details"]')).toBeVisible({ timeout: 150_000 });

  const made = (await server.callAsBrowser(two.token, 'POST', '/api/face-liveness/session', {})).body;
  const form = await new Response(body, { headers: { 'Content-Type': type } }).formData();
  form.set('nonce', made.challenge.nonce);
  // With the steps named as they are asked for now.
  const notes = (made.challenge.steps as string[]).flatMap((step, i) => [0, 1, 2].map((shot) => ({ step, time: i * 3_000 + shot * 450 })));
  form.set('frames', JSON.stringify(notes));
  expect((await server.callAsBrowser(two.token, 'POST', `/api/face-liveness/session/${made.sessionId}/frames`, form)).status).toBe(200);
  const results = await server.callAsBrowser(two.token, 'GET', `/api/face-liveness/results/${made.sessionId}`);
  expect(results.body.data.isLive).toBe(false);
  expect((await server.callAsBrowser(two.token, 'GET', `/api/flow/${two.id}`)).body.data.step).toBe('face');
});
