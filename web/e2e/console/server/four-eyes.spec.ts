// Four eyes: a decision waits for another person. The first one, a second account of theirs and a machine are no other person.
import { expectStatus, inviteMember } from './member';
import { decide, expect, test } from './serverTest';

// The setting of all teams wants two people who reach them all.
test.beforeEach(async ({ served }) => {
  await inviteMember(served.server, served.admin, 'reviewer', { teams: null, senior: true });
});

test('a decision waits for a second person, who sees neither it nor its note before', async ({ team, served }) => {
  const { server } = served;
  const { review, person } = await team.sendRecord();
  const [ann, junior, senior] = [await team.invite('reviewer', { senior: true }), await team.invite('reviewer'), await team.invite('reviewer', { senior: true })];
  await expectStatus(200, server.callAsMachine('PUT', '/api/settings/four_eyes', { value: true }));
  try {
    const page = await team.open(ann, `/reviews/${review}`);
    await page.getByRole('button', { name: 'Claim', exact: true }).click();
    await decide(page, 'Reject', async (dialog) => {
      await dialog.getByLabel('Glare hides part of the picture').check();
      await dialog.getByLabel('Internal note').fill('I reject this one.');
    });
    await expect(page.getByText('Second look').first()).toBeVisible();
    await expect(page.getByRole('button', { name: 'Agree' }), 'the first person is no second one').toHaveCount(0);

    const { version } = await team.readCase(ann, review);
    const agree = (member: typeof ann) => member.call('POST', `/api/reviews/${review}/second`, { version, agree: true });
    expect((await agree(ann)).body).toMatchObject({ code: 'same_reviewer' });
    await expectStatus(403, agree(junior));

    const seen = await team.readCase(senior, review);
    expect(seen).toMatchObject({ state: 'second_look', proposal: null, reasons: [], message: null });
    expect(JSON.stringify(seen), 'neither the decision nor its note').not.toMatch(/I reject this one|"reject"|glare_on_photo/);
    const trail = await senior.call('GET', `/api/audit_events?profile=${person.id}&limit=100`);
    expect(JSON.stringify(trail.body)).not.toContain('"reject"');

    const second = await team.open(senior, `/reviews/${review}`);
    await expect(second.getByText('I reject this one.')).toHaveCount(0);
    await second.getByRole('button', { name: 'Agree', exact: true }).click();
    await second.getByRole('dialog').getByRole('button', { name: 'Agree', exact: true }).click();
    await expect.poll(() => team.readStatus(person)).toBe('rejected');
    await second.reload();
    await expect(second.getByText('Rejected').first()).toBeVisible();
    await second.getByRole('tab', { name: /Notes/ }).click();
    await expect(second.getByText('I reject this one.'), 'once it is decided, both are seen').toBeVisible();
    await expectStatus(403, agree(senior));
  } finally {
    await expectStatus(200, server.callAsMachine('PUT', '/api/settings/four_eyes', { value: false }));
  }
});

test('those who do not agree leave it to a third person, and neither of the two is one', async ({ team, served }) => {
  const { server } = served;
  const { review, person } = await team.sendRecord();
  const [first, other, third] = [await team.invite('admin'), await team.invite('admin'), await team.invite('admin')];
  await expectStatus(200, server.callAsMachine('PUT', '/api/settings/four_eyes', { value: true }));
  try {
    const { version } = await team.readCase(first, review);
    const held = await expectStatus(200, first.call('POST', `/api/reviews/${review}/claim`, { version }));
    const proposed = await expectStatus(200, first.call('POST', `/api/reviews/${review}/approve`, { claim_id: held.claim_id, version: held.version, reasons: [] }));
    const machine = await server.callAsMachine('POST', `/api/reviews/${review}/second`, { version: proposed.version, agree: true });
    expect([401, 403], 'a machine is no person').toContain(machine.status);
    const page = await team.open(other, `/reviews/${review}`);
    await page.getByRole('button', { name: 'Disagree' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Glare hides part of the picture').check();
    await dialog.getByRole('button', { name: 'Disagree' }).click();
    await expect(page.getByText('Escalated').first()).toBeVisible();
    for (const one of [first, other]) {
      const escalated = await team.readCase(one, review);
      expect(escalated.may).not.toContain('second');
      const again = await one.call('POST', `/api/reviews/${review}/second`, { version: escalated.version, agree: true });
      expect(again.body).toMatchObject({ code: 'same_reviewer' });
    }
    expect(await team.readStatus(person)).not.toBe('verified');
    const escalated = await team.readCase(third, review);
    await expectStatus(200, third.call('POST', `/api/reviews/${review}/second`, { version: escalated.version, agree: true }));
    await expect.poll(() => team.readStatus(person)).toBe('verified');
  } finally {
    await expectStatus(200, server.callAsMachine('PUT', '/api/settings/four_eyes', { value: false }));
  }
});

test('one e-mail address has one account, however it is spelled', async ({ team, served }) => {
  const { admin, server } = served;
  const ann = await team.invite('reviewer', { senior: true });
  for (const email of [ann.email, ann.email.toUpperCase(), ` ${ann.email} `]) {
    const again = await admin.call('POST', '/api/console/users', { email, role: 'reviewer' });
    expect([400, 409], email).toContain(again.status);
  }
  // An address is never changed afterwards, neither by its user nor by an admin.
  await ann.call('PATCH', '/api/console/me', { email: 'other@example.org' });
  expect((await ann.call('GET', '/api/console/me')).body.data.email).toBe(ann.email);
  const other = await inviteMember(server, admin, 'reviewer');
  await admin.call('PATCH', `/api/console/users/${other.id}`, { email: ann.email });
  const users = await expectStatus(200, admin.call('GET', '/api/console/users?limit=100'));
  expect(users.filter((user: { email: string }) => user.email === ann.email)).toHaveLength(1);
});
