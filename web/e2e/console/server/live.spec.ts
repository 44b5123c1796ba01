// What one reviewer does shows on the pages of another by the event stream, without a reload.
import { expect, test } from './serverTest';

test('what one reviewer does shows in the queue of another without a reload', async ({ team }) => {
  const [ann, bo] = [await team.invite('reviewer'), await team.invite('reviewer')];
  const page = await team.open(ann, '/');
  const other = await team.open(bo, '/');
  const streaming = other.waitForResponse((answer) => answer.url().includes('/api/events'));
  await other.goto(`${new URL(other.url()).origin}/console/queue`);
  expect((await streaming).headers()['content-type']).toBe('text/event-stream');
  const row = other.getByRole('row').filter({ hasText: 'A. S.' });
  await expect(row).toHaveCount(0);
  // Longer than the page collects changes, shorter than it reads its lists without the stream.
  const soon = { timeout: 8_000 };
  await team.sendRecord();
  await expect(row).toBeVisible(soon);
  await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
  await page.getByRole('button', { name: 'Claim next' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Review of Anna Specimen' })).toBeVisible();
  // A review that somebody holds is not among the open ones.
  await expect(row).toHaveCount(0, soon);
  await other.screenshot({ path: 'test-results/console-server/live-queue.png', fullPage: true });
  await other.goto(page.url());
  await expect(other.getByText(ann.name).first()).toBeVisible();
  await page.getByRole('button', { name: 'Release' }).click();
  await expect(other.getByRole('button', { name: /^Claim/ }).first()).toBeVisible(soon);
});
