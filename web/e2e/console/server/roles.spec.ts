// Each role may call what the table says and nothing else, whatever its pages show; and what it reads is masked.
import { type Member, type Role, expectStatus, inviteMember } from './member';
import { ALL_ROLES, listAccessRows } from './roleTable';
import { expect, SPECIMEN, test } from './serverTest';

test('each role may call what the table says and nothing else', async ({ team }) => {
  const { review, person } = await team.sendRecord();
  for (const role of ALL_ROLES) {
    const member = await team.invite(role);
    for (const row of listAccessRows({ review, profile: person.id })) {
      const { status, body } = await member.call(row.method, row.path, row.body);
      const said = `${role}: ${row.method} ${row.path} gave ${status} ${JSON.stringify(body)?.slice(0, 200)}`;
      expect.soft(status, said).toBeLessThan(500);
      expect.soft([401, 403].includes(status), said).toBe(!row.roles.includes(role));
    }
  }
  expect(await team.readStatus(person)).not.toBe('verified');
});

test('nothing of a person is shown to roles and reviewers who do not hold their review', async ({ team, served }) => {
  const { review, person } = await team.sendRecord();
  const picture = (await served.server.callAsMachine('GET', `/api/reviews/${review}`)).body.data.images[0].url as string;
  const members: [Role, Member][] = [];
  for (const role of ['reviewer', 'auditor', 'admin'] as const) members.push([role, await team.invite(role)]);
  for (const [role, member] of members) {
    for (const path of [`/api/reviews/${review}`, '/api/reviews', `/api/profiles/${person.id}`, '/api/profiles', `/api/verification_history/${person.id}`, `/api/status_history/${person.id}`, '/api/audit_events?limit=100']) {
      const text = JSON.stringify((await member.call('GET', path)).body);
      for (const hidden of [SPECIMEN.name, SPECIMEN.document_number, SPECIMEN.date_of_birth, 'anna@example.org']) expect.soft(text, `${role}: ${path}`).not.toContain(hidden);
    }
    const { status } = await member.call('GET', picture);
    expect(status, `${role}: picture`)[role === 'admin' ? 'toBe' : 'toBeGreaterThanOrEqual'](role === 'admin' ? 200 : 403);
    expect((await team.readCase(member, review)).images.length, role)[role === 'admin' ? 'toBeGreaterThan' : 'toBe'](0);
  }
  const [[, reviewer]] = members as [[Role, Member]];
  const { version } = await team.readCase(reviewer, review);
  const held = await expectStatus(200, reviewer.call('POST', `/api/reviews/${review}/claim`, { version }));
  expect((await reviewer.call('GET', picture)).status, 'with the claim').toBe(200);
  await expectStatus(200, reviewer.call('POST', `/api/reviews/${review}/release`, { claim_id: held.claim_id }));
  expect((await reviewer.call('GET', picture)).status, 'after the claim').toBeGreaterThanOrEqual(403);
});

test('reviewers read their own work only in the audit trail, and admins that of all', async ({ team }) => {
  const { review } = await team.sendRecord();
  const [ann, bob, boss] = [await team.invite('reviewer'), await team.invite('reviewer'), await team.invite('admin')];
  await team.readCase(ann, review);
  await team.readCase(bob, review);
  const actors = async (member: Member) => new Set((await expectStatus(200, member.call('GET', '/api/audit_events?limit=100'))).map((event: { actor: { id: string } }) => event.actor.id));
  expect([...await actors(ann)]).toEqual([ann.id]);
  const all = await actors(boss);
  expect(all.has(ann.id) && all.has(bob.id)).toBe(true);
});

test('nobody raises themselves or makes more of others than they are', async ({ team, served }) => {
  const { server, admin } = served;
  const boss = await inviteMember(server, admin, 'admin', { teams: null });
  for (const role of ['admin', 'super_admin'] as const) {
    await expectStatus(403, boss.call('POST', '/api/console/users', { email: `${role}@raised.example`, role }));
    await expectStatus(403, boss.call('PATCH', `/api/console/users/${boss.id}`, { role }));
  }
  const reviewer = await team.invite('reviewer');
  await expectStatus(403, boss.call('PATCH', `/api/console/users/${reviewer.id}`, { role: 'admin' }));
  await expectStatus(403, boss.call('PATCH', `/api/console/users/${admin.id}`, { disabled: true }));
  await expectStatus(403, admin.call('PATCH', `/api/console/users/${admin.id}`, { role: 'reviewer' }));
  await expectStatus(403, admin.call('DELETE', `/api/console/users/${admin.id}`));
  const narrow = await team.invite('admin');
  await expectStatus(403, narrow.call('POST', '/api/console/users', { email: 'wide@raised.example', role: 'reviewer', teams: null }));
  await expectStatus(403, narrow.call('POST', '/api/console/users', { email: 'other@raised.example', role: 'reviewer', teams: ['another team'] }));
});
