// Claims: two reviewers at one review, a review that is taken over, a claim that ends while its holder writes a decision.
import type { Route } from '@playwright/test';
import { expectStatus, inviteMember } from './member';
import { decide, expect, refusal, sendNewerRecord, test } from './serverTest';

test('of two reviewers who claim at once one gets the review, and the other reads who has it', async ({ team }) => {
  const { review } = await team.sendRecord();
  const [ann, bob] = [await team.invite('reviewer'), await team.invite('reviewer')];
  const pages = await Promise.all([ann, bob].map((member) => team.open(member, `/reviews/${review}`)));
  const claims = pages.map((page) => page.getByRole('button', { name: 'Claim', exact: true }));
  for (const claim of claims) await expect(claim).toBeVisible();
  // Neither request leaves before both reviewers have clicked; else the first claim takes the other's button away.
  let clicked = 0;
  for (const page of pages) {
    const holdBack = async (route: Route): Promise<void> => {
      clicked += 1;
      await expect.poll(() => clicked).toBe(pages.length);
      await route.continue();
    };
    await page.route(`**/api/reviews/${review}/claim`, holdBack, { times: 1 });
  }
  await Promise.all(claims.map((claim) => claim.click()));
  const released = pages.map((page) => page.getByRole('button', { name: 'Release' }));
  await expect.poll(async () => (await Promise.all(released.map((button) => button.count()))).reduce((sum, count) => sum + count)).toBe(1);
  const winner = (await released[0]?.count()) === 1 ? 0 : 1;
  const [won, lost] = [pages[winner], pages[1 - winner]];
  if (!won || !lost) throw new Error('two pages');
  await expect(refusal(lost)).toContainText(`${winner === 0 ? ann.name : bob.name} is working on this review`);
  await expect(lost.getByRole('group', { name: 'Decision' }).getByRole('button')).toHaveCount(0);
  await expect(lost.getByText('Claim this review to see its pictures'), 'no picture without the claim').toHaveCount(0);
  await expect(lost.locator('.layer img')).toHaveCount(0);

  await won.getByRole('button', { name: 'Release' }).click();
  await expect(won.getByRole('button', { name: 'Claim', exact: true })).toBeVisible();
  await lost.reload();
  await lost.getByRole('button', { name: 'Claim', exact: true }).click();
  await expect(lost.getByRole('button', { name: 'Release' })).toBeVisible();
});

test('an admin takes a review over with a reason, and the former holder is told', async ({ team }) => {
  const { review, person } = await team.sendRecord();
  const [ann, boss] = [await team.invite('reviewer'), await team.invite('admin')];
  const holder = await team.open(ann, `/reviews/${review}`);
  await holder.getByRole('button', { name: 'Claim', exact: true }).click();
  await holder.getByRole('button', { name: 'Approve' }).click();
  const admin = await team.open(boss, `/reviews/${review}`);
  await admin.getByRole('button', { name: 'Take over' }).click();
  await admin.getByRole('dialog').getByLabel('Reason').fill('Ann is off sick');
  await admin.getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
  await expect(admin.getByRole('button', { name: 'Release' })).toBeVisible();

  await holder.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await expect(refusal(holder)).toContainText(`${boss.name} is working on this review`);
  expect(await team.readStatus(person)).not.toBe('verified');
  const events = await expectStatus(200, boss.call('GET', `/api/audit_events?kind=review.taken_over&profile=${person.id}`));
  expect(events).toHaveLength(1);
  const seen = await team.readCase(boss, review);
  expect(seen.notes.map((note: { text: string }) => note.text)).toContain('Ann is off sick');
});

test('a claim that ends while a decision is written refuses the decision, and says why', async ({ team, served }) => {
  test.skip(!served.clock, 'libfaketime is missing (Debian: apt-get install libfaketime)');
  const { review, person } = await team.sendRecord();
  const [ann, bob] = [await team.invite('reviewer'), await team.invite('reviewer')];
  const page = await team.open(ann, `/reviews/${review}`);
  await page.clock.install();
  await page.reload();
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await page.getByRole('button', { name: 'Reject' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Message to the person').fill('This took long to write.');
  try {
    // The reviewer walks away: no key, no mouse, so that the page renews the claim for ten minutes only.
    served.clock?.setOffset(26);
    await page.clock.fastForward('26:00');
    await dialog.getByRole('checkbox').first().check();
    await dialog.getByRole('button', { name: 'Reject' }).click();
    await expect(refusal(page).first()).toContainText('You do not hold this review any more');
    const late = await ann.call('POST', `/api/reviews/${review}/approve`, { claim_id: 'x', version: 1, reasons: [] });
    expect(late.status).toBe(409);
    expect((await team.readCase(bob, review)).state).toBe('open');
    const { version } = await team.readCase(bob, review);
    await expectStatus(200, bob.call('POST', `/api/reviews/${review}/claim`, { version }));
  } finally {
    served.clock?.setOffset(0);
  }
  expect(await team.readStatus(person)).not.toBe('rejected');
});

test('a newer record refuses a decision about the older one', async ({ team, served }) => {
  const { review, person } = await team.sendRecord();
  const ann = await team.invite('reviewer');
  const page = await team.open(ann, `/reviews/${review}`);
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
  await sendNewerRecord(served.server, person);
  await decide(page, 'Approve');
  await expect(refusal(page)).toContainText('Evidence has changed');
  expect(await team.readStatus(person)).not.toBe('verified');
});

test('no review is decided without its claim, twice, by another team or by an auditor', async ({ team, served }) => {
  const { review, person } = await team.sendRecord();
  const { server, admin } = served;
  const [ann, bob, auditor] = [await team.invite('reviewer'), await team.invite('reviewer'), await team.invite('auditor')];
  const approve = (member: typeof ann, claim_id: string, version: number) => member.call('POST', `/api/reviews/${review}/approve`, { claim_id, version, reasons: [] });
  const { version } = await team.readCase(ann, review);
  expect((await approve(ann, 'none', version)).body.code).toBe('claim_ended');
  const claimed = await expectStatus(200, ann.call('POST', `/api/reviews/${review}/claim`, { version }));
  // The claim's own id does not help anybody else.
  expect((await approve(bob, claimed.claim_id, claimed.version)).body.code).toBe('review_claimed');
  expect((await approve(admin, claimed.claim_id, claimed.version)).body.code).toBe('review_claimed');
  await expectStatus(403, approve(auditor, claimed.claim_id, claimed.version));
  const outsider = await inviteMember(server, admin, 'reviewer', { teams: ['another team'] });
  for (const [method, path, body] of [
    ['GET', '', undefined], ['POST', '/claim', { version }], ['POST', '/approve', { claim_id: claimed.claim_id, version: claimed.version, reasons: [] }],
    ['POST', '/notes', { text: 'hello' }], ['POST', '/reveal', { claim_id: claimed.claim_id, fields: ['email'], reason: 'x' }],
  ] as const) {
    await expectStatus(404, outsider.call(method, `/api/reviews/${review}${path}`, body));
  }
  await expectStatus(404, outsider.call('GET', `/api/profiles/${person.id}`));

  const answers = await Promise.all([0, 1, 2, 3].map(() => approve(ann, claimed.claim_id, claimed.version)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
});
