// Many pages of one browser: each of them is live, and no request waits for a stream.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { between, browse, eventually, harmless, up } from './harness.mjs';

let server, browser, way;
before(async () => {
  server = await up();
  browser = await browse();
  way = await between(server.port);
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  for (const name of ['survey', 'lander']) await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name });
});
after(async () => {
  await browser?.close();
  await way?.close();
  await server?.down();
});
const create = (kluster, title) => server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster, title, acknowledge_overlap: [] });
const block = (task) => server.api('POST', `/api/v1/tasks/${task.key}/block`, { note: 'waits for the wind' });
const prompt = (session, text) => server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text });
async function session() {
  const made = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  await eventually('it is idle', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`)).state === 'idle');
  return made;
}
const live = (page) => page.locator('.live.live').waitFor({ state: 'attached', timeout: 40_000 });
/** An ordinary request of a page, which a stream must not hold up. */
async function asks(page) {
  const took = await page.evaluate(async () => {
    const start = performance.now();
    const answer = await fetch('/api/v1/auth/whoami', { cache: 'no-store', signal: AbortSignal.timeout(10_000) });
    return answer.ok ? performance.now() - start : Infinity;
  });
  assert.ok(took < 3_000, `${took} ms for an ordinary request`);
}
const open = () => [...way.streams].map((stream) => stream.path);

test('eight pages of one browser are live over four connections, and nothing waits for a stream', async () => {
  const [first, second, third] = [await session(), await session(), await session()];
  const [plan, other] = [await create('survey', 'Photograph plate 7'), await create('lander', 'Oil the third hinge')];
  const home = await browser.page(server, { base: way.base });
  const context = home.context();
  const at = async (path) => {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`${way.base}/ui${path}`);
    return page;
  };
  const board = await at('/missions/apollo/survey');
  const list = await at('/missions/apollo/lander?view=list');
  const task = await at(`/tasks/${plan.key}`);
  const another = await at(`/tasks/${other.key}`);
  const talk = await at(`/sessions/${first.id}`);
  const two = await at(`/sessions/${second.id}?beside=${third.id}`);
  const same = await at(`/sessions/${first.id}`);
  const pages = [home, board, list, task, another, talk, two, same];
  await board.getByText('Photograph plate 7').waitFor();
  await list.getByText('Oil the third hinge').waitFor();
  await Promise.all([task, another].map((page) => page.getByRole('button', { name: 'Block', exact: true }).waitFor()));
  await Promise.all([talk, two, same].map((page) => page.getByLabel('Prompt').first().waitFor()));
  await Promise.all(pages.map(live));
  await eventually('no more than four streams are open', () => way.streams.size <= 4);
  for (const page of pages) await asks(page);

  // What happens now is seen in each of them.
  await Promise.all([block(plan), block(other), prompt(first, '/say the first agent speaks'), prompt(second, '/say the second agent speaks'), prompt(third, '/say the third agent speaks')]);
  await create('survey', 'Photograph plate 8');
  await create('lander', 'Oil the fourth hinge');
  const stuck = home.getByRole('region', { name: 'Stuck' });
  for (const [page, sight] of [
    [home, stuck.getByText('Photograph plate 7')], [home, stuck.getByText('Oil the third hinge')], [board, board.getByText('Photograph plate 8')], [list, list.getByText('Oil the fourth hinge')],
    [task, task.getByRole('button', { name: 'Unblock', exact: true })], [another, another.getByRole('button', { name: 'Unblock', exact: true })], [talk, talk.locator('.of-message', { hasText: 'the first agent speaks' })],
    [two, two.locator('.of-message', { hasText: 'the second agent speaks' })], [two, two.locator('.of-message', { hasText: 'the third agent speaks' })], [same, same.locator('.of-message', { hasText: 'the first agent speaks' })]
  ]) {
    await page.bringToFront();
    await sight.waitFor();
    await live(page);
    await asks(page);
  }
  await eventually('one stream of lists, one of tasks, two of conversations', () => {
    const count = (part) => open().filter((path) => path.includes(part)).length;
    return way.streams.size === 4 && count('/watch?') === 1 && count('/tasks?') === 1 && count('/events?') === 2;
  });

  // A way that breaks is said in each, and each goes on where it was.
  way.away = true;
  way.cut();
  await Promise.all(pages.map((page) => page.getByText('The server does not answer.').waitFor({ timeout: 40_000 })));
  await prompt(third, '/say while nobody heard');
  await create('survey', 'Photograph plate 9');
  way.away = false;
  // One page that tries again does so for all.
  await home.evaluate(() => window.dispatchEvent(new Event('online')));
  await Promise.all(pages.map(live));
  await board.getByText('Photograph plate 9').waitFor();
  await two.locator('.of-message', { hasText: 'while nobody heard' }).waitFor();
  assert.equal(await two.locator('.of-message', { hasText: 'the third agent speaks' }).count(), 1);

  // Pages that go give back what they held.
  for (const page of pages.slice(1)) await page.close();
  await eventually('only what Home follows is left', () => way.streams.size === 2);
  await asks(home);
  harmless(home);
  await context.close();
});

test('live is said when all that is shown is live, and what was read once is read again', async () => {
  const made = await session();
  const page = await browser.page(server, { base: way.base });
  await page.goto(`${way.base}/ui/docs`);
  await page.getByText('No doc yet').waitFor();
  await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'rules', title: 'Rules of landing', content: 'One.\n' });
  await page.waitForTimeout(3_100);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByText('Rules of landing').waitFor();
  // Only the conversation cannot be followed.
  await page.goto(`${way.base}/ui/sessions/${made.id}`);
  await page.getByLabel('Prompt').waitFor();
  await live(page);
  await eventually('it is followed', () => open().some((path) => path.includes('/events?follow')));
  way.how = ({ path }) => (path.endsWith('/events') ? 503 : undefined);
  way.cut();
  await eventually('the lists are followed again', () => open().some((path) => path.includes('/watch?')));
  await page.locator('.live.stale').waitFor();
  await page.getByText('The server does not answer.').waitFor();
  await prompt(made, '/say said meanwhile');
  way.how = () => undefined;
  await page.locator('.of-message', { hasText: 'said meanwhile' }).waitFor({ timeout: 40_000 });
  await live(page);
  // The way breaks, and is back: what changed on it is there without a step of a person.
  await page.goto(`${way.base}/ui/docs`);
  await page.getByText('Rules of landing').waitFor();
  await live(page);
  await page.waitForTimeout(3_100);
  way.away = true;
  way.cut();
  await page.locator('.live.stale').waitFor();
  await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'wind', title: 'Limits of wind', content: 'One.\n' });
  way.away = false;
  await page.getByText('Limits of wind').waitFor({ timeout: 40_000 });
  harmless(page);
  await page.context().close();
});

test('where pages cannot share a worker, a hidden one gives its streams back, and catches up when it is shown', async () => {
  const init = () => {
    delete window.SharedWorker;
    let isHidden = false;
    Object.defineProperty(document, 'hidden', { get: () => isHidden });
    window.hide = (hidden) => {
      isHidden = hidden;
      document.dispatchEvent(new Event('visibilitychange'));
    };
  };
  const home = await browser.page(server, { base: way.base, init });
  const board = await home.context().newPage();
  await board.goto(`${way.base}/ui/missions/apollo/survey`);
  await Promise.all([home, board].map(live));
  await eventually('each has two streams', () => way.streams.size === 4);
  const kept = open().filter((path) => path.includes('/watch?')).length;
  assert.equal(kept, 2);
  await board.evaluate(() => window.hide(true));
  // The page that came first keeps its lists while it is hidden; this one does not.
  await eventually('the hidden one holds none', () => way.streams.size === 2, 30_000);
  await create('survey', 'Photograph plate 10');
  await asks(board);
  await board.evaluate(() => window.hide(false));
  await board.getByText('Photograph plate 10').waitFor();
  await live(board);
  await home.evaluate(() => window.hide(true));
  await eventually('the first holds its lists', () => way.streams.size === 3, 30_000);
  await home.context().close();
});
