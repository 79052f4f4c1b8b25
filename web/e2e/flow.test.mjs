// The demo of the README without a terminal: by keyboard alone, on the real server with a real node and agent.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { press, push, reach, tab, write } from './hands.mjs';
import { browse, eventually, harmless, login, up } from './harness.mjs';

let server, browser, witnessed;
before(async () => {
  witnessed = await mkdtemp(join(tmpdir(), 'mc-e2e-witness-'));
  process.env.MC_WITNESS = join(witnessed, 'lines');
  server = await up();
  browser = await browse();
});
after(async () => {
  await browser?.close();
  await server?.down();
  await rm(witnessed, { recursive: true, force: true });
});

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

test('the demo of the README by keyboard alone: two tasks of which one waits, a conversation, and what somebody else lets be published', async () => {
  const page = await browser.page(server);
  const [main, dialog] = [page.locator('main'), page.getByRole('dialog')];
  /** The card of Home, of a task or of a session is not meant. */
  const inbox = async (on) => {
    await press(on, 'g', 'a');
    await on.waitForURL(/\/ui\/approvals/);
    await on.getByRole('heading', { name: 'Approvals' }).waitFor();
    await on.getByText('digest recomputed here').waitFor();
  };
  const task = (key) => server.api('GET', `/api/v1/tasks/${key}`);
  await page.getByText('No mission yet').waitFor();

  // A mission and a kluster.
  await press(page, 'g', 'm');
  await page.getByRole('heading', { name: 'Missions' }).waitFor();
  await push(page, 'button', 'New mission', main);
  await write(page, 'Name', 'apollo', dialog);
  await press(page, 'Enter');
  await page.waitForURL(/\/ui\/missions\/apollo$/);
  await push(page, 'button', 'New kluster', main);
  await write(page, 'Name', 'survey', dialog);
  await dialog.locator('option', { hasText: 'scripted' }).waitFor({ state: 'attached' });
  const runtime = await tab(page, 'combobox', 'Runtime of its tasks', dialog);
  await page.keyboard.type('scr');
  await eventually('it is chosen', async () => (await runtime.inputValue()) === 'scripted');
  await push(page, 'button', 'Create kluster', dialog);
  await page.waitForURL(/\/missions\/apollo\/survey$/);

  // Two tasks: the second waits for the first, which the node takes at once.
  await page.getByText('No task yet').waitFor();
  await press(page, 'c');
  await page.waitForURL(/\/ui\/new/);
  await write(page, 'Title', 'Count the craters');
  await write(page, 'Description', 'Count them.\n/ask write survey.md\n/say Sector 7 has 41 craters.');
  await press(page, 'Control+Enter');
  await page.waitForURL(/\/ui\/tasks\/apollo-1$/);
  await page.getByRole('button', { name: /^Approve/ }).waitFor();
  await press(page, 'c');
  await page.waitForURL(/\/ui\/new/);
  await write(page, 'Title', 'Choose a landing site');
  await write(page, 'Description', '/say The plain north of crater 17.');
  await tab(page, 'combobox', 'Waits for');
  await page.keyboard.type('craters');
  await page.getByRole('option', { name: /apollo-1/ }).waitFor();
  await press(page, 'Enter');
  await page.getByRole('button', { name: 'Do not wait for apollo-1' }).waitFor();
  await press(page, 'Control+Enter');
  await page.waitForURL(/\/ui\/tasks\/apollo-2$/);
  assert.deepEqual((await task('apollo-2')).depends_on.map((one) => one.key), ['apollo-1']);
  assert.equal((await task('apollo-2')).state, 'pending');

  // What is written is changed, and taken back.
  await page.getByRole('button', { name: 'Change…' }).waitFor();
  await press(page, 'e');
  await tab(page, 'spinbutton', /^Priority/, dialog);
  await press(page, 'Control+a');
  await page.keyboard.type('80');
  await push(page, 'button', 'Save', dialog);
  await eventually('it has another priority', async () => (await task('apollo-2')).priority === 80);
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'z');
  await eventually('it has the priority of before', async () => (await task('apollo-2')).priority === 50);

  // The agent asks for the first, and when that is done, for the second.
  await inbox(page);
  await press(page, 'y');
  await page.getByText('carry out apollo-2').first().waitFor();
  await press(page, 'y');
  await page.getByText('Nothing waits for a decision').waitFor();
  await eventually('both tasks are done', async () => (await task('apollo-2')).state === 'done', 60_000);
  assert.equal((await task('apollo-1')).state, 'done');

  // An agent without a task is talked to, and answered.
  await press(page, 'g', 's');
  await push(page, 'button', 'New session', main);
  await push(page, 'button', 'Start', dialog);
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await write(page, 'Prompt', '/ask draw chart.svg');
  await press(page, 'Enter', 'Escape');
  await page.getByRole('button', { name: /^Approve/ }).first().waitFor();
  await inbox(page);
  await press(page, 'y');
  await page.getByText('Nothing waits for a decision').waitFor();

  // The result is to be published.
  await press(page, 'g', 'm');
  await push(page, 'link', /^apollo/, main);
  await push(page, 'link', /survey/, main);
  await push(page, 'link', /Count the craters/, main);
  await page.waitForURL(/\/ui\/tasks\/apollo-1$/);
  await push(page, 'button', 'Publish', main);
  await page.getByText('An approval is asked for').waitFor();

  // A login for somebody else: its token is seen once and kept nowhere.
  await press(page, 'g', 'p');
  await tab(page, 'tab', 'Members and roles');
  await press(page, 'ArrowRight');
  await push(page, 'button', 'Make a login', main);
  await write(page, 'Name', 'reviewer', dialog);
  await push(page, 'button', 'Make the login', dialog);
  const token = await dialog.getByRole('textbox', { name: 'Token' }).inputValue();
  assert.match(token, /^mcs_/);
  await press(page, 'Escape');
  await dialog.waitFor({ state: 'detached' });
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.documentElement.outerHTML + location.href);
  assert.ok(!kept.includes(token));

  // They decide, in a browser of their own.
  const other = await browser.page(server, { token: null });
  await other.goto(`${server.base}/ui/`);
  await other.waitForURL(/\/ui\/login/);
  await reach(other, other.getByLabel('Token', { exact: true }));
  await other.keyboard.type(token);
  await press(other, 'Enter');
  await other.locator('.live.live').waitFor({ state: 'attached' });
  await inbox(other);
  await other.getByText('What is published stays in the history of Git.').waitFor();
  await press(other, 'y');
  await other.getByText('Approve for good?').waitFor();
  await press(other, 'y');
  const published = await eventually('it is published', async () => {
    const [found] = (await server.api('GET', '/api/v1/publications')).items;
    return found?.state === 'published' && found;
  });
  const decided = await server.api('GET', `/api/v1/approvals/${published.approval_id}`);
  assert.deepEqual([decided.decider, decided.self_approved], ['reviewer', false]);
  harmless(other);
  await other.context().close();

  // The chain is verified, and the commit is named.
  await press(page, 'g', 'l');
  await push(page, 'button', 'Verify', main);
  await page.getByText('every link holds, every body fits its digest').waitFor();
  const there = page.getByRole('region', { name: 'Published to Git' });
  await there.getByText('published', { exact: true }).waitFor();
  await there.getByText(published.commit.slice(0, 12)).waitFor();
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

test('two browsers answer one prompt: one wins, the agent hears one answer, the ledger holds one decision, and both see whose', async (t) => {
  const another = await browse();
  t.after(() => another.close());
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((principal) => server.api('POST', '/api/v1/auth/login', { principal, role: 'contributor' })));
  const [one, two] = [await browser.page(server, { token: ann.token }), await another.page(server, { token: bob.token })];
  // The answers that agents got to what they asked.
  const heard = async () => (await server.witness()).filter(({ dir }) => dir === 'in').map(({ line }) => JSON.parse(line)).filter((line) => line.result?.outcome).length;
  const before = await heard();
  const task = await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Draw the map', description: '/ask draw map.svg' });
  const { id } = await eventually('it asks', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items.find((open) => open.title.includes('draw map.svg')));
  for (const page of [one, two]) {
    await page.goto(`${server.base}/ui/approvals?at=${id}`);
    await page.getByRole('button', { name: /^Approve/ }).waitFor();
  }
  // Neither decision leaves before the other one is made.
  let made = 0;
  for (const page of [one, two]) await page.route(/\/approvals\/[^/]+\/(approve|reject)$/, async (route) => {
    made += 1;
    await eventually('both decide', () => made === 2);
    await route.continue();
  });
  const answers = [one, two].map((page) => page.waitForResponse(/\/approvals\/[^/]+\/(approve|reject)$/).then((response) => response.status()));
  await Promise.all([one.keyboard.press('y'), two.keyboard.press('n')]);
  assert.deepEqual((await Promise.all(answers)).sort(), [200, 409]);
  const decided = await eventually('the agent was told', async () => {
    const found = await server.api('GET', `/api/v1/approvals/${id}`);
    return ['executed', 'rejected'].includes(found.state) && found;
  });
  assert.equal(decided.decider, decided.state === 'executed' ? 'ann' : 'bob');
  await eventually('its turn is over', async () => !['claimed', 'running'].includes((await server.api('GET', `/api/v1/tasks/${task.key}`)).state));
  assert.equal((await heard()) - before, 1);
  const { items } = await server.api('GET', `/api/v1/ledger/events?subject=${id}&action=approval.decide`);
  assert.deepEqual(items.map((event) => event.principal), [decided.decider]);
  for (const page of [one, two]) {
    const card = page.getByRole('article', { name: 'Approval: ' });
    await card.getByText(decided.state, { exact: true }).waitFor();
    await card.locator('dt:text-is("Decided") + dd').getByText(decided.decider, { exact: true }).waitFor();
    assert.equal(await card.getByRole('button', { name: /^(Approve|Reject)/ }).count(), 0);
    harmless(page);
  }
  await one.context().close();
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
