// What people do at the console: getting in, deciding, undoing, revealing, being refused, running out of time; by mouse and by keys.
import type { Page } from '@playwright/test';
import { COMPUTER, expect, openConsole, test } from './consoleTest';
import type { StandIn } from './standIn';
import { time } from './standInData';

test.beforeEach(async ({ page }) => {
  await page.setViewportSize(COMPUTER);
});

const lastCall = (standIn: StandIn, path: RegExp) => standIn.state.calls.filter((call) => path.test(call.path)).at(-1);
const claimed = (standIn: StandIn): void => {
  Object.assign(standIn.state.review, { state: 'claimed', mine: true, claim_id: 'claim1', holder: { id: 'x', name: 'Ada Osei' }, claim_until: time(900_000) });
};
const openCase = (page: Page, standIn: StandIn) => openConsole(page, standIn, '/reviews/review000000001');

test('the first user sets up an account, enrols a factor and stores the recovery codes', async ({ page, standIn }) => {
  Object.assign(standIn.state, { stage: 'none', setupNeeded: true });
  await openConsole(page, standIn, '/setup#token=one-time');
  expect(page.url(), 'the token leaves the address bar').not.toContain('one-time');
  await page.getByLabel('Name').fill('Ada Osei');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('img', { name: 'QR code for your authenticator app' })).toBeVisible();
  expect(lastCall(standIn, /setup$/)?.body).toEqual({ token: 'one-time', name: 'Ada Osei', email: 'ada@example.org', password: 'correct horse battery' });
  await page.getByLabel('Code from the app').fill('123456');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.locator('.codes li')).toHaveCount(10);
  await expect(page.getByRole('button', { name: 'Continue' })).toBeDisabled();
  await page.getByLabel('I have stored the codes').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeFocused();
});

test('signing in takes a password and a code, and says no more than that one is wrong', async ({ page, standIn }) => {
  standIn.state.stage = 'none';
  await openConsole(page, standIn, '/queue');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
  await page.getByLabel('Password').fill('wrong password!');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('Wrong e-mail, password or code');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('Code').fill('123456');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Queue' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByText('You are signed out.')).toBeVisible();
});

test('a review is claimed, rejected with a reason, and the rejection undone, with keys alone', async ({ page, standIn }) => {
  await openConsole(page, standIn, '/queue');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await expect(page.locator('tr[data-current]')).toContainText('J. P.');
  await page.keyboard.press('n');
  await expect(page.getByRole('heading', { level: 1, name: 'Review of Maria Lindqvist' })).toBeVisible();
  await expect(page.getByRole('img', { name: 'Document, front' })).toBeVisible();
  await page.keyboard.press('Shift+R');
  await expect(page.getByLabel('Glare on the photo'), 'what the checks found is ticked').toBeChecked();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('timer')).toBeVisible();
  expect(lastCall(standIn, /reject$/)?.body).toEqual({ claim_id: 'claim1', version: 4, reasons: ['glare_on_photo', 'data_mismatch'] });
  await page.keyboard.press('Control+z');
  await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
  expect(standIn.state.review.state).toBe('claimed');
});

test('single keys do nothing in a field, and nothing at all when they are switched off', async ({ page, standIn }) => {
  await openConsole(page, standIn, '/queue');
  await page.getByLabel('Search').first().fill('');
  await page.keyboard.type('nc?');
  await expect(page.getByLabel('Search').first()).toHaveValue('nc?');
  expect(lastCall(standIn, /next$/)).toBeUndefined();
  standIn.state.shortcuts = false;
  await openConsole(page, standIn, '/queue');
  await page.keyboard.press('n');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(lastCall(standIn, /next$/)).toBeUndefined();
});

test('a request for new pictures needs a reason and a step', async ({ page, standIn }) => {
  claimed(standIn);
  standIn.state.review.breakdown = [];
  await openCase(page, standIn);
  await page.getByRole('button', { name: 'Ask for new pictures' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Digital tampering'), 'new pictures cannot cure that').toHaveCount(0);
  await dialog.getByRole('button', { name: 'Ask for new pictures' }).click();
  await expect(dialog.getByRole('alert')).toContainText('Choose at least one reason.');
  await dialog.getByLabel('Glare on the photo').check();
  await dialog.getByRole('button', { name: 'Ask for new pictures' }).click();
  await expect(dialog.getByRole('alert')).toContainText('Choose at least one step.');
  await dialog.getByLabel('Document, front').check();
  await dialog.getByLabel('Message to the person').fill('Please switch the flash off.');
  await dialog.getByRole('button', { name: 'Ask for new pictures' }).click();
  await expect(dialog).toHaveCount(0);
  expect(lastCall(standIn, /request_resubmission$/)?.body).toEqual({ claim_id: 'claim1', version: 3, reasons: ['glare_on_photo'], steps: ['document_front'], message: 'Please switch the flash off.' });
});

test('a refused step says why in words, and reads the newest state', async ({ page, standIn }) => {
  await openCase(page, standIn);
  standIn.state.refusal = { path: /claim$/, status: 409, body: { error: 'Held by another reviewer', code: 'review_claimed', holder: 'B. Ito', until: time(600_000) } };
  const reads = () => standIn.state.calls.filter((call) => call.method === 'GET' && /review000000001$/.test(call.path)).length;
  const before = reads();
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('B. Ito is working on this review');
  await expect.poll(reads).toBeGreaterThan(before);
  standIn.state.refusal = { path: /claim$/, status: 409, body: { error: 'Review has changed', code: 'review_changed', version: 9 } };
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('The review has changed in the meantime');
});

test('masked data is revealed for a reason, and masked again when the claim ends', async ({ page, standIn }) => {
  claimed(standIn);
  await openCase(page, standIn);
  await expect(page.getByText('C01X00T47')).toHaveCount(0);
  await page.getByRole('button', { name: 'Reveal' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reveal' }).click();
  await expect(page.getByText('C01X00T47')).toBeVisible();
  expect(lastCall(standIn, /reveal$/)?.body).toEqual({ claim_id: 'claim1', fields: ['document_number'], reason: 'compare_document' });
  await page.getByRole('button', { name: 'Release' }).click();
  await expect(page.getByText('C01X00T47')).toHaveCount(0);
});

test('pictures are blobs, and revoked when the case is left', async ({ page, standIn }) => {
  claimed(standIn);
  await openCase(page, standIn);
  const picture = page.locator('.layer img');
  await expect(picture).toBeVisible();
  const url = (await picture.getAttribute('src')) ?? '';
  expect(url).toMatch(/^blob:/);
  await page.getByRole('link', { name: 'Back to the queue' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Queue' })).toBeVisible();
  const isGone = await page.evaluate((address) => new Promise((done) => {
    const image = new Image();
    image.onload = () => done(false);
    image.onerror = () => done(true);
    image.src = address;
  }), url);
  expect(isGone).toBe(true);
});

test('the viewer zooms, turns and goes to findings, with buttons and keys', async ({ page, standIn }) => {
  claimed(standIn);
  await openCase(page, standIn);
  const layer = page.locator('.layer');
  await expect(layer).toBeVisible();
  await page.keyboard.press('r');
  await expect(layer).toHaveCSS('transform', /matrix\(0, 1, -1, 0/);
  await page.keyboard.press('0');
  await page.getByRole('button', { name: '2. Glare' }).click();
  await page.keyboard.press('+');
  await expect(page.locator('.zoom-text')).not.toHaveText('55 %');
  await page.keyboard.press('3');
  await expect(page.getByRole('img', { name: 'Selfie' })).toBeVisible();
  await page.keyboard.press('f');
  await expect(page.getByRole('tab', { name: 'Faces' })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('f');
  await expect(page.getByRole('button', { name: 'Overlay' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('.score').first()).toContainText('0.712, passes from 0.550by identivia-vision');
});

test('faces lie in their frames with the eyes at the same places, and as a whole without eyes', async ({ page, standIn }) => {
  claimed(standIn);
  await openCase(page, standIn);
  await page.getByRole('tab', { name: 'Faces' }).click();
  const frames = page.locator('.face-aligned');
  await expect(frames).toHaveCount(2);
  // Where each eye of the picture is in its frame, in shares of the frame.
  const eyesOf = (index: number, eyes: [number, number][]) =>
    frames.nth(index).evaluate((frame, shares) => {
      const [outer, inner] = [frame.getBoundingClientRect(), frame.querySelector('img')?.getBoundingClientRect()];
      if (!inner) throw new Error('no picture');
      return shares.map(([x, y]) => [(inner.left + x * inner.width - outer.left) / outer.width, (inner.top + y * inner.height - outer.top) / outer.height]);
    }, eyes);
  const places = [await eyesOf(0, [[0.16, 0.4922], [0.22, 0.4922]]), await eyesOf(1, [[0.3944, 0.4104], [0.6056, 0.4104]])];
  for (const [right, left] of places) {
    expect(right?.[0]).toBeCloseTo(0.36, 2);
    expect(left?.[0]).toBeCloseTo(0.64, 2);
    expect([right?.[1], left?.[1]].map((y) => Math.round((y ?? 0) * 100))).toEqual([42, 42]);
  }
  await page.getByLabel('Right').selectOption({ label: 'Liveness picture' });
  await expect(frames).toHaveCount(1);
  await expect(page.locator('.face-whole')).toHaveCount(1);
});

test('data of zone, barcode and print stand beside each other with differences marked', async ({ page, standIn }) => {
  claimed(standIn);
  await openCase(page, standIn);
  const table = page.getByRole('table', { name: 'Data side by side' });
  for (const name of ['MRZ', 'Barcode', 'Printed']) await expect(table.getByRole('columnheader', { name })).toBeVisible();
  const named = table.getByRole('row', { name: /^Name / });
  await expect(named.getByRole('cell', { name: /Lindquist/ })).toContainText('differs');
  await expect(named.getByRole('cell', { name: /LINDQVIST/ })).not.toContainText('differs');
});

test('a passkey is given another name', async ({ page, standIn }) => {
  standIn.state.passkeys = true;
  await openConsole(page, standIn, '/account');
  await page.getByRole('button', { name: 'Rename “Work laptop”' }).click();
  const dialog = page.getByRole('dialog', { name: 'Rename' });
  await dialog.getByLabel('Name').fill(' Security key ');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  expect(lastCall(standIn, /passkeys/)?.body).toEqual({ name: 'Security key' });
});

test('new recovery codes need a fresh confirmation', async ({ page, standIn }) => {
  await openConsole(page, standIn, '/account');
  await page.getByRole('button', { name: 'New recovery codes' }).click();
  const dialog = page.getByRole('dialog', { name: 'Confirm it is you' });
  await dialog.getByLabel('Code').fill('123456');
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByText('abcd-efgh-1234')).toBeVisible();
});

test('two minutes before the end the user is warned, can stay, and is signed out otherwise', async ({ page, standIn }) => {
  standIn.state.sessionSeconds = 110;
  await openConsole(page, standIn, '/account');
  const dialog = page.getByRole('alertdialog');
  await expect(dialog).toBeVisible();
  standIn.state.sessionSeconds = 1_800;
  await dialog.getByRole('button', { name: 'Stay signed in' }).click();
  await expect(dialog).toHaveCount(0);
  standIn.state.sessionSeconds = 4;
  await page.reload();
  await expect(dialog).toBeVisible();
  standIn.state.stage = 'none';
  await expect(page.getByText('You were signed out because nothing was done for a while.')).toBeVisible();
  await expect(page.getByText('Ada Osei')).toHaveCount(0);
});

test('a session that has ended leads to the sign-in, and nothing that was read stays', async ({ page, standIn }) => {
  await openConsole(page, standIn, '/profiles');
  await expect(page.getByText('customer-1')).toBeVisible();
  standIn.state.stage = 'none';
  await page.getByRole('link', { name: 'Users' }).click();
  await expect(page.getByText('Your session has ended.')).toBeVisible();
  await expect(page.getByText('customer-1')).toHaveCount(0);
});

test('pages are shown by permission', async ({ page, standIn }) => {
  standIn.state.permissions = ['console:self', 'reviews:read', 'profiles:read'];
  await openConsole(page, standIn, '/users');
  await expect(page.getByRole('heading', { level: 1, name: 'Not for your role' })).toBeVisible();
  await expect(page.getByRole('navigation').getByRole('link')).toHaveText(['Overview', 'Queue', 'Profiles', /Ada Osei/]);
});

test('the language and the theme of the account apply at once', async ({ page, standIn }) => {
  await openConsole(page, standIn, '/account');
  await page.getByLabel('Language').selectOption('de');
  await expect(page.getByRole('heading', { level: 1, name: 'Ihr Konto' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  await page.getByLabel('Farben').selectOption('dark');
  await expect(page.locator('body')).toHaveCSS('background-color', 'rgb(12, 15, 21)');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
