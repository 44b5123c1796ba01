// Decisions: undone in time, with masked data revealed for a reason, by keys alone, and a request that the person's page shows.
import type { Locator, Page } from '@playwright/test';
import { expectStatus, PASSWORD } from './member';
import { decide, expect, SPECIMEN, test } from './serverTest';
import { totpCode } from './totp';

test('a rejection is undone within its seconds, and nothing of it reaches the person', async ({ team, served }) => {
  const { review, person } = await team.sendRecord();
  const ann = await team.invite('reviewer');
  const page = await team.open(ann, `/reviews/${review}`);
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await decide(page, 'Reject', async (dialog) => dialog.getByRole('checkbox').first().check());
  await expect(page.getByRole('timer')).toBeVisible();
  await page.keyboard.press('Control+z');
  await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
  expect((await team.readCase(ann, review)).state).toBe('claimed');

  await decide(page, 'Approve');
  await expect(page.getByRole('timer')).toBeVisible();
  expect(await team.readStatus(person), 'not before its seconds are over').not.toBe('verified');
  await expect.poll(() => team.readStatus(person), { timeout: 30_000 }).toBe('verified');
  const history = await expectStatus(200, served.server.callAsMachine('GET', `/api/status_history/${person.id}`));
  expect(history.map((record: { new_status: string }) => record.new_status)).not.toContain('rejected');
  await expectStatus(409, ann.call('POST', `/api/reviews/${review}/undo`, { version: (await team.readCase(ann, review)).version }));
});

test('masked data is shown after its reveal alone, and the audit trail names the fields', async ({ team }) => {
  const { review, person } = await team.sendRecord();
  const [ann, boss] = [await team.invite('reviewer'), await team.invite('admin')];
  const page = await team.open(ann, `/reviews/${review}`);
  await expect(page.getByText(SPECIMEN.name)).toHaveCount(0);
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Review of ${SPECIMEN.name}` })).toBeVisible();
  const whole = JSON.stringify(await team.readCase(ann, review));
  for (const hidden of [SPECIMEN.document_number, 'anna@example.org']) {
    await expect(page.getByText(hidden)).toHaveCount(0);
    expect(whole).not.toContain(hidden);
  }
  await page.getByRole('button', { name: 'Reveal' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('E-mail', { exact: true }).check();
  await dialog.getByRole('button', { name: 'Reveal' }).click();
  await expect(page.getByText(SPECIMEN.document_number)).toBeVisible();

  const events = await expectStatus(200, boss.call('GET', `/api/audit_events?kind=review.revealed&profile=${person.id}`));
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ detail: 'document_number, email; reason: compare_document', actor: { id: ann.id }, object: { id: review } });
  const audit = await expectStatus(200, boss.call('GET', `/api/audit_events?profile=${person.id}&limit=100`));
  for (const hidden of [SPECIMEN.document_number, 'anna@example.org', SPECIMEN.name]) expect(JSON.stringify(audit)).not.toContain(hidden);

  await page.getByRole('button', { name: 'Release' }).click();
  await expect(page.getByText(SPECIMEN.document_number)).toHaveCount(0);
  await expectStatus(409, ann.call('POST', `/api/reviews/${review}/reveal`, { claim_id: 'gone', fields: ['email'], reason: 'x' }));
});

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target.first()).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.first().evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${String(target)}`);
}

test('from the sign-in to a decision by keys alone', async ({ team, served, page }) => {
  const { person } = await team.sendRecord();
  const ann = await team.invite('reviewer');
  await page.goto(`${served.server.url}/console/queue`);
  await tabTo(page, page.getByLabel('E-mail', { exact: true }));
  await page.keyboard.type(ann.email);
  await tabTo(page, page.getByLabel('Password', { exact: true }));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByLabel('Code'));
  await page.keyboard.type(totpCode(ann.secret, 1));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Queue' })).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: 'A. S.' })).toBeVisible();
  await page.keyboard.press('n');
  await expect(page.getByRole('heading', { level: 1, name: `Review of ${SPECIMEN.name}` })).toBeFocused();
  await page.keyboard.press('2');
  await expect(page.getByRole('img', { name: 'Selfie' })).toBeVisible();
  await page.keyboard.press('Shift+R');
  const dialog = page.getByRole('dialog');
  await tabTo(page, dialog.getByLabel('Glare hides part of the picture'));
  await page.keyboard.press('Space');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('timer')).toBeVisible();
  await expect.poll(() => team.readStatus(person), { timeout: 30_000 }).toBe('rejected');
});

test('a request for another try names a step and a reason, and the person’s page shows those alone', async ({ team, browser }) => {
  const { review, person } = await team.sendRecord();
  const ann = await team.invite('reviewer');
  const page = await team.open(ann, `/reviews/${review}`);
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await decide(page, 'Ask for new pictures', async (dialog) => {
    for (const ticked of await dialog.getByRole('group', { name: 'Reasons' }).getByRole('checkbox', { checked: true }).all()) await ticked.uncheck();
    await dialog.getByLabel('Glare hides part of the picture').check();
    await dialog.getByLabel('Document, front').check();
    await dialog.getByLabel('Message to the person').fill('Please switch the flash off.');
    await dialog.getByLabel('Internal note').fill('Third customer with glare today.');
  });
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect.poll(() => team.readStatus(person)).toBe('resubmission_requested');

  const phone = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage();
  await phone.goto(person.url);
  const notice = phone.locator('[data-notice="again"]');
  await expect(notice).toContainText('Please switch the flash off.');
  await expect(notice.getByRole('listitem')).toHaveCount(1);
  await expect(notice).toContainText(/glare|reflection|light/i);
  await expect(notice).not.toContainText(/back|details/i);
  await expect(phone.locator('body')).not.toContainText('Third customer');
  await phone.context().close();
});
