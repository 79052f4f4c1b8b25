// What happens when the server or the way to it fails: nothing typed is lost, nothing is done twice, nothing is missed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { between, browse, eventually, harmless, loginAgain, up } from './harness.mjs';

let server, browser, way;
before(async () => {
  server = await up();
  browser = await browse();
  way = await between(server.port);
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name: 'survey' });
});
after(async () => {
  await browser?.close();
  await way?.close();
  await server?.down();
});
const tasks = async () => (await server.api('GET', '/api/v1/tasks?mission=apollo&limit=500')).items;
const open = (options = {}) => browser.page(server, { base: way.base, ...options });
const live = (page) => page.locator('.live.live').waitFor({ state: 'attached', timeout: 40_000 });

/** How many streams of this kind are open. */
const streams = (part) => [...way.streams].filter(({ path }) => path.includes(part)).length;

test('200 cuts of a stream: each change is seen, once, and nothing is missing', async () => {
  const page = await open();
  await page.goto(`${way.base}/ui/missions/apollo/survey?view=list`);
  await page.getByText('No task yet').waitFor();
  // Waiting between tries is for servers that are away; here it is 200 cuts that are tried.
  const urge = setInterval(() => void page.evaluate(() => window.dispatchEvent(new Event('online'))).catch(() => {}), 40);
  let [cut, made] = [0, 0];
  for (let round = 0; cut < 200; round += 1) {
    assert.ok(round < 6_000, `only ${cut} streams were cut`);
    // A page of the API shows 500.
    if (round % 3 === 0 && made < 300) await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: `Crater ${made} of the plain ${made * 7919}`, acknowledge_overlap: [] }).then(() => (made += 1), () => {});
    const open = streams('/tasks?watch=true&from=');
    cut += open;
    // What is about to open is cut, too, now and then.
    if (open || round % 10 === 0) way.cut();
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  clearInterval(urge);
  assert.ok(made >= 20, `${made} tasks`);
  const truth = await tasks();
  const list = page.getByRole('list', { name: 'Tasks' });
  await eventually('the page has all of them', async () => Number(await list.locator('[role="listitem"]').first().getAttribute('aria-setsize').catch(() => 0)) === truth.length, 60_000);
  // All rows, by walking through the list that draws only what is seen.
  const seen = new Map();
  for (let top = 0; top < truth.length * 44; top += 300) {
    await list.evaluate((element, at) => (element.scrollTop = at), top);
    await page.waitForTimeout(25);
    for (const key of await list.locator('.key').allTextContents()) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), truth.map((task) => task.key).sort());
  console.log(`# ${cut} streams of tasks cut, ${truth.length} tasks made meanwhile, 0 missing`);
  harmless(page);
  await page.context().close();
});

test('200 streams cut while an agent talks: each of its words is there once, in order', async () => {
  const session = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  const of = () => server.api('GET', `/api/v1/sessions/${session.id}`);
  await eventually('it is idle', async () => (await of()).state === 'idle');
  const page = await open();
  await page.goto(`${way.base}/ui/sessions/${session.id}`);
  await page.getByLabel('Prompt').waitFor();
  await live(page);
  const urge = setInterval(() => void page.evaluate(() => window.dispatchEvent(new Event('online'))).catch(() => {}), 40);
  let [cut, turns] = [0, 0];
  for (let round = 0; cut < 200; round += 1) {
    assert.ok(round < 6_000, `only ${cut} streams of the conversation were cut`);
    if (round % 100 === 0) {
      turns += 1;
      await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `/chunks 100 80\n/say That was turn ${turns}.` });
    }
    if (streams(`/sessions/${session.id}/events?follow=true`)) {
      cut += 1;
      way.cut();
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  clearInterval(urge);
  await eventually('all is said', async () => (await server.api('GET', `/api/v1/sessions/${session.id}/turns?state=queued,running`)).items.length === 0, 120_000);
  await page.locator('.of-message', { hasText: `That was turn ${turns}.` }).waitFor({ timeout: 40_000 });
  await live(page);
  // Only what is near the view is in the page: to its beginning, then downwards a view at a time.
  const area = page.getByRole('log', { name: 'Conversation' });
  await eventually('the beginning is there', async () => {
    await area.evaluate((element) => element.scrollTo({ top: 0 }));
    return (await page.getByText('The beginning of the conversation').count()) > 0;
  }, 60_000);
  const rows = new Map();
  for (let before = -1, steps = 0; ; steps += 1) {
    assert.ok(steps < 1_000, 'the end is not reached');
    await page.waitForTimeout(50);
    for (const [key, text] of await area.locator('.transcript > .of-message').evaluateAll((found) => found.map((row) => [Number(row.dataset.key), row.textContent]))) rows.set(key, text);
    const top = await area.evaluate((element) => element.scrollTop);
    if (top === before) break;
    before = top;
    await area.evaluate((element) => element.scrollBy(0, element.clientHeight / 2));
  }
  const said = [...rows].sort(([one], [other]) => one - other).map(([, text]) => text).join(' ');
  assert.deepEqual([...said.matchAll(/chunk (\d+) of 100/g)].map(([, number]) => Number(number)), Array.from({ length: turns * 100 }, (_, index) => (index % 100) + 1));
  console.log(`# ${cut} streams of a conversation cut, ${turns * 100} chunks, each there once`);
  harmless(page);
  await page.context().close();
});

test('a server that answers wrongly: the words stay, the way on is said', async () => {
  const page = await open();
  for (const [status, headers] of [[403], [409], [412], [422], [500], [401], [429, { 'retry-after': '1' }], [503, { 'retry-after': '1' }]]) {
    await page.goto(`${way.base}/ui/new?mission=apollo&kluster=survey`);
    const title = `Answered with ${status}: ${Math.floor(status * 7.3)} words`;
    await page.getByLabel('Title', { exact: true }).fill(title);
    way.how = ({ method, path }) => (method === 'POST' && path === '/api/v1/tasks' ? { status, headers } : undefined);
    const press = page.getByRole('button', { name: 'Create task', exact: true });
    await page.getByLabel('Kluster').selectOption('survey');
    await press.click();
    if (status === 401) {
      // Nobody is logged in any more: after logging in again over the page it is sent.
      await page.getByRole('dialog', { name: 'Log in again' }).waitFor();
      way.how = () => undefined;
      await loginAgain(page, server.token);
    } else if ([429, 503].includes(status)) {
      await page.getByText('One write waits to be sent.').waitFor();
      way.how = () => undefined;
    } else {
      await page.getByRole('alert').getByText(`Answered with ${status}`).first().waitFor();
      await page.getByText('request made-here').waitFor();
      assert.equal(await page.getByLabel('Title', { exact: true }).inputValue(), title);
      way.how = () => undefined;
      await press.click();
    }
    await eventually(`${status}: it is made`, async () => (await tasks()).filter((task) => task.title === title).length === 1, 30_000);
    await page.getByText(/write waits to be sent/).waitFor({ state: 'detached' });
  }
  harmless(page);
  await page.context().close();
});

test('an answer that is lost: sent again with the same key, done once', async () => {
  const page = await open();
  await page.goto(`${way.base}/ui/new?mission=apollo&kluster=survey`);
  await page.getByLabel('Title', { exact: true }).fill('The answer to this one gets lost');
  await page.getByLabel('Kluster').selectOption('survey');
  let lost = 0;
  const keys = new Set();
  way.how = ({ method, path, headers }) => {
    if (method !== 'POST' || path !== '/api/v1/tasks') return undefined;
    keys.add(headers['idempotency-key']);
    lost += 1;
    // More than once: a browser tries some of them again by itself.
    return { lose: lost <= 8 };
  };
  await page.getByRole('button', { name: 'Create task', exact: true }).click();
  await page.getByText('One write waits to be sent.').waitFor();
  await page.getByText('One write waits to be sent.').waitFor({ state: 'detached', timeout: 40_000 });
  assert.deepEqual([lost, keys.size], [9, 1]);
  assert.equal((await tasks()).filter((task) => task.title === 'The answer to this one gets lost').length, 1);
  way.how = () => undefined;
  await page.context().close();
});

test('offline: the shell opens, what is written is kept over a reload, and is sent once; a conflict is shown', async () => {
  const doc = await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'rules', title: 'Rules', content: 'One.\n' });
  const page = await open({ offline: true });
  await eventually('the shell is kept', () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/ui/'))?.active != null && (await caches.keys()).length > 0 && (await (await caches.open((await caches.keys())[0])).match('/ui/')) != null));
  await page.goto(`${way.base}/ui/docs/${doc.id}`);
  await page.getByRole('tab', { name: 'Edit' }).click();
  await page.getByLabel('Text').fill('One.\nTwo, written while offline.\n');
  await page.waitForTimeout(1_800);
  // Away: every connection is refused.
  way.away = true;
  way.cut();
  await page.getByText('The server does not answer.').waitFor();
  await page.getByRole('button', { name: 'Save as version 2' }).click();
  await page.getByText('One write waits to be sent.').waitFor();
  await page.goto(`${way.base}/ui/new?mission=apollo&kluster=survey`);
  await page.getByText('The server does not answer.').waitFor();
  await page.getByLabel('Title', { exact: true }).fill('Written without a server');
  await page.getByLabel('Kluster').selectOption('survey');
  await page.getByRole('button', { name: 'Create task', exact: true }).click();
  await page.getByText('2 writes wait to be sent.').waitFor();
  await page.reload();
  await page.getByText('2 writes wait to be sent.').waitFor();
  // Meanwhile somebody else writes version 2.
  await server.api('POST', `/api/v1/docs/${doc.id}/versions`, { base_version: 1, content: 'One, by somebody else.\n', note: '' });
  way.away = false;
  await live(page);
  await page.getByText('One write was refused.').waitFor({ timeout: 40_000 });
  await eventually('the task is made', async () => (await tasks()).filter((task) => task.title === 'Written without a server').length === 1);
  await page.getByRole('button', { name: 'Look' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Edit' }).click();
  await page.getByText('was written while you wrote').waitFor();
  assert.match(await page.getByLabel('Text').inputValue(), /Two, written while offline/);
  await page.getByRole('button', { name: 'I took it over: save mine on top' }).click();
  await page.getByRole('button', { name: 'Save as version 3' }).click();
  await eventually('it is version 3', async () => (await server.api('GET', `/api/v1/docs/${doc.id}`)).latest_version === 3);
  assert.equal((await tasks()).filter((task) => task.title === 'Written without a server').length, 1);
  await page.context().close();
});

test('a server that is slow is waited for', async () => {
  const page = await open();
  way.how = ({ path }) => (path.startsWith('/api/') ? { wait: 1_200 } : undefined);
  await page.goto(`${way.base}/ui/new?mission=apollo&kluster=survey`);
  await page.getByLabel('Title', { exact: true }).fill('Slowly made');
  await page.getByLabel('Kluster').selectOption('survey');
  await page.getByRole('button', { name: 'Create task', exact: true }).click();
  await page.waitForURL(/\/ui\/tasks\/apollo-/);
  await page.getByRole('heading', { name: 'Slowly made' }).waitFor();
  way.how = () => undefined;
  assert.equal((await tasks()).filter((task) => task.title === 'Slowly made').length, 1);
  await page.context().close();
});
