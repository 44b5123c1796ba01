// Every page of the console reads what it shows from the server without an error, with each role.
import { ACCESS_PAGES } from './roleTable';
import { expect, test } from './serverTest';

const EVERY_PAGE = ['/', '/queue', '/queue?tab=decided', '/profiles', '/users', '/audit', '/analytics', '/analytics?report=rates', '/analytics?report=times', '/analytics?report=reasons', '/analytics?report=breakdown', '/analytics?report=reviewers',
  '/settings/general', '/settings/review', '/settings/reasons', '/settings/notifications', '/settings/webhooks', '/settings/clients', '/settings/providers', '/account'];

test('every page reads what it shows from the server without an error', async ({ team, served }) => {
  const { person } = await team.sendRecord();
  const page = await team.open(served.admin, '/');
  for (const path of [...EVERY_PAGE, `/profiles/${person.id}`]) {
    await page.goto(`${served.server.url}/console${path}`);
    await expect(page.locator('h1'), path).toBeVisible();
    await page.waitForLoadState('networkidle');
    await page.screenshot({ path: `test-results/console-server/${path.replaceAll(/[^a-z]+/g, '-')}.png`, fullPage: true });
    expect.soft(await page.getByRole('alert').allInnerTexts(), path).toEqual([]);
  }
});

for (const [role, pages] of Object.entries(ACCESS_PAGES) as [keyof typeof ACCESS_PAGES, string[]][]) {
  test(`the pages of the role ${role} open, and the others say that they are for another role`, async ({ team, served }) => {
    const page = await team.open(await team.invite(role), '/');
    const navigation = page.getByRole('navigation', { name: 'Pages' });
    await expect(navigation).toBeVisible();
    for (const [name, path] of [['Queue', '/queue'], ['Profiles', '/profiles'], ['Users', '/users'], ['Audit', '/audit'], ['Analytics', '/analytics'], ['Settings', '/settings/providers']] as const) {
      const isOpen = pages.includes(name);
      await expect(navigation.getByRole('link', { name, exact: true }), `${role}: ${name}`).toHaveCount(isOpen ? 1 : 0);
      await page.goto(`${served.server.url}/console${path}`);
      await expect(page.getByRole('heading', { level: 1 }), `${role}: ${path}`).toHaveText(isOpen ? /^(?!Not for your role)/ : 'Not for your role');
    }
  });
}
