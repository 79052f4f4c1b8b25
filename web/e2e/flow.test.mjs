// The demo of the README without a terminal: by keyboard alone, on the real server with a real node and agent.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, eventually, harmless, login, up } from './harness.mjs';

let server, browser;
before(async () => {
  server = await up();
  browser = await browse();
});
after(async () => {
  await browser?.close();
  await server?.down();
});

const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

test('nobody comes in without a token, and no token stays in the page', async () => {
  const page = await browser.page(server, { token: null });
  await page.goto(`${server.base}/ui/approvals`);
  await page.waitForURL(/\/ui\/login\?next=/);
  await page.getByLabel('Token', { exact: true }).fill('mcs_wrong');
  await press(page, 'Enter');
  await page.getByRole('alert').getByText('This token is not known').waitFor();
  await page.getByLabel('Token', { exact: true }).fill(server.token);
  await press(page, 'Enter');
  await page.waitForURL(/\/ui\/approvals/);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie);
  assert.ok(!kept.includes('mcs_') && !kept.includes(server.token), kept);
  harmless(page);
  await page.context().close();
});

test('from an empty installation to a published result, by keyboard alone', async () => {
  const page = await browser.page(server);
  await page.getByText('No mission yet').waitFor();

  // A mission and a kluster.
  await press(page, 'g', 'm');
  await page.getByRole('heading', { name: 'Missions' }).waitFor();
  await page.getByRole('button', { name: 'New mission', exact: true }).focus();
  await press(page, 'Enter');
  await page.getByRole('textbox', { name: 'Name' }).focus();
  await page.keyboard.type('apollo');
  await press(page, 'Enter');
  await page.waitForURL(/\/ui\/missions\/apollo$/);
  await page.getByRole('button', { name: 'New kluster', exact: true }).focus();
  await press(page, 'Enter');
  await page.getByRole('textbox', { name: 'Name' }).focus();
  await page.keyboard.type('survey');
  await page.getByLabel('Runtime of its tasks').focus();
  await page.keyboard.type('scripted');
  await page.getByRole('button', { name: 'Create kluster', exact: true }).focus();
  await press(page, 'Enter');
  await page.waitForURL(/\/missions\/apollo\/survey$/);

  // A task; the node takes it at once, and its agent asks.
  await page.getByText('No task yet').waitFor();
  await press(page, 'c');
  await page.waitForURL(/\/ui\/new/);
  await page.getByLabel('Title', { exact: true }).focus();
  await page.keyboard.type('Count the craters');
  await page.getByLabel('Description').focus();
  await page.keyboard.insertText('Count them.\n/ask write survey.md\n/say Sector 7 has 41 craters.');
  await page.getByLabel('Kluster').selectOption('survey');
  await press(page, 'Control+Enter');
  await page.waitForURL(/\/ui\/tasks\/apollo-1$/);
  await page.getByRole('button', { name: /^Approve/ }).waitFor();
  await press(page, 'g', 'a');
  await page.getByText('digest recomputed here').waitFor();
  await press(page, 'y');
  await page.getByText('Nothing waits for a decision').waitFor();
  await eventually('the task is done', async () => (await server.api('GET', '/api/v1/tasks/apollo-1')).state === 'done');

  // Published, when somebody else agrees (here: oneself, flagged, as the profile allows).
  await page.goto(`${server.base}/ui/tasks/apollo-1`);
  await page.getByRole('button', { name: 'Publish', exact: true }).focus();
  await press(page, 'Enter');
  await press(page, 'g', 'a');
  await page.getByText('What is published stays in the history of Git.').waitFor();
  await press(page, 'y');
  await page.getByText('Approve for good?').waitFor();
  await press(page, 'y');
  await eventually('it is published', async () => (await server.api('GET', '/api/v1/publications')).items[0]?.state === 'published');

  // The chain is verified, and the commit is named.
  await press(page, 'g', 'l');
  await page.getByRole('button', { name: 'Verify', exact: true }).focus();
  await press(page, 'Enter');
  await page.getByText('every link holds, every body fits its digest').waitFor();
  await page.getByRole('region', { name: 'Published to Git' }).getByText('published', { exact: true }).waitFor();
  harmless(page);
  await page.context().close();
});

test('a session is talked to, and a killed node daemon changes nothing', async () => {
  const page = await browser.page(server);
  await press(page, 'g', 's');
  await page.getByRole('button', { name: 'New session', exact: true }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await page.getByLabel('Prompt').fill('/say **Hello** from the agent\n/think quietly\n/tool look {"at": "plates"}');
  await press(page, 'Enter');
  await page.locator('strong', { hasText: 'Hello' }).waitFor();
  await page.locator('summary', { hasText: 'look' }).waitFor();
  process.kill(await server.pid('mesh'), 'SIGKILL');
  await page.getByLabel('Prompt').fill('/say still here');
  await press(page, 'Enter');
  await page.locator('.of-message', { hasText: 'still here' }).waitFor({ timeout: 40_000 });
  harmless(page);
  await page.context().close();
});

test('two browsers answer one prompt: one wins, both see it', async () => {
  const [one, two] = [await browser.page(server), await browser.page(server)];
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Draw the map', description: '/ask draw map.svg' });
  for (const page of [one, two]) {
    await page.goto(`${server.base}/ui/approvals`);
    await page.getByRole('button', { name: /^Approve/ }).waitFor();
  }
  await Promise.all([one.keyboard.press('y'), two.keyboard.press('n')]);
  const { items } = await eventually('it is decided', async () => {
    const page = await server.api('GET', '/api/v1/approvals');
    return page.items.every((approval) => approval.state !== 'open') && page;
  });
  assert.equal(items.filter((approval) => approval.title.includes('map.svg')).length, 1);
  for (const page of [one, two]) await page.getByText('Nothing waits for a decision').or(page.getByText(/already|decided|Conflict/i)).first().waitFor();
  await one.context().close();
  await two.context().close();
});

test('what a reader may not do is not offered, and refused when forced', async () => {
  const { token } = await server.api('POST', '/api/v1/auth/login', { principal: 'reader', role: 'viewer' });
  const page = await browser.page(server, { token: null });
  await login(page, server, token);
  await page.goto(`${server.base}/ui/missions/apollo`);
  await page.getByRole('heading', { name: 'apollo' }).waitFor();
  assert.equal(await page.getByRole('button', { name: /New kluster|Pause/ }).count(), 0);
  const forced = await page.evaluate(async () => (await fetch('/api/v1/missions', { method: 'POST', headers: { 'x-mc-csrf': '1', 'content-type': 'application/json' }, body: '{"name":"mine"}' })).status);
  assert.equal(forced, 403);
  const forged = await page.evaluate(async () => (await fetch('/api/v1/missions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"mine"}' })).status);
  assert.equal(forged, 403);
  await page.context().close();
});

test('a server that goes and comes back: stale is said, typed words stay', async () => {
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/new?mission=apollo&kluster=survey`);
  await page.getByLabel('Title', { exact: true }).fill('Written while the server was away');
  await server.mc('down', '--data-dir', server.data);
  await page.getByText('The server does not answer.').waitFor();
  await page.getByRole('button', { name: 'Create task', exact: true }).click();
  await page.getByText('One write waits to be sent.').waitFor();
  await server.restart();
  await page.locator('.live.live').waitFor({ state: 'attached', timeout: 40_000 });
  const task = await eventually('it was sent', async () => (await server.api('GET', '/api/v1/tasks?mission=apollo&limit=100')).items.find((held) => held.title === 'Written while the server was away'));
  await page.getByText('One write waits to be sent.').waitFor({ state: 'detached' });
  await page.goto(`${server.base}/ui/tasks/${task.key}`);
  await page.getByRole('heading', { name: 'Written while the server was away' }).waitFor();
  await page.context().close();
});

test('logging out everywhere closes the other browser too', async () => {
  const [one, two] = [await browser.page(server), await browser.page(server)];
  await one.goto(`${server.base}/ui/settings`);
  await one.getByRole('button', { name: 'Log out everywhere' }).click();
  await one.waitForURL(/\/ui\/login/);
  await two.goto(`${server.base}/ui/ledger`);
  await two.waitForURL(/\/ui\/login\?next=/);
  await one.context().close();
  await two.context().close();
});
