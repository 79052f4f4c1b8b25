// Long conversations, one of all kinds and one that is a single message: they open at once, hold little, keep
// few elements in the page, and go back to the very beginning while more comes.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { browse, eventually, harmless, up } from './harness.mjs';

const EVENTS = Number(process.env.MC_UI_EVENTS ?? 100_000);
// To read one of all kinds to its beginning takes a second for each thousand events: MC_UI_EVENTS=100000 does it whole.
const MIXED = Number(process.env.MC_UI_EVENTS ?? 20_000);
// As in budget.test.mjs: four times what is promised, for programs that are not optimised and machines that do other things too.
const EASE = Number(process.env.MC_BENCH_EASE ?? 4);
/** Elements of the conversation that may be in the page at once. */
const MOST_ELEMENTS = 3_000;
let server, browser;
before(async () => {
  server = await up();
  browser = await browse();
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
});
after(async () => {
  await browser?.close();
  await server?.down();
});

/** What the page holds: the heap of its scripts, and the private memory of the largest renderer. */
async function memory(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const heap = (await devtools.send('Runtime.getHeapUsage')).usedSize;
  const { processInfo } = await (await page.context().browser().newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
  const own = await Promise.all(processInfo.filter((one) => one.type === 'renderer').map(async ({ id }) => {
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8');
    return [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, size]) => sum + Number(size) * 1000, 0);
  }));
  return { heap, own: Math.max(...own), said: `heap ${(heap / 1e6).toFixed(1)} MB, private memory of the renderer ${(Math.max(...own) / 1e6).toFixed(0)} MB` };
}
async function opened(session, last) {
  const page = await browser.page(server);
  const start = Date.now();
  await page.goto(`${server.base}/ui/sessions/${session.id}`);
  await page.getByText(last).first().waitFor();
  return { page, took: Date.now() - start };
}

test(`a conversation of ${MIXED} events of all kinds opens at its end, is read to its beginning, and keeps its place`, async () => {
  const session = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  const update = (body) => `/update ${JSON.stringify(body)}`;
  // Twenty events, five items: a thought, words, a call with its output, an edit with its diff, words.
  const step = (at) => [
    ...[1, 2, 3].map((part) => `/think ${part}: what does plate ${at} show? `),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((part) => `/say Words ${part} about plate ${at}, **${part * 7}** of them. `),
    `/tool read_plate {"plate": ${at}}`,
    update({ sessionUpdate: 'tool_call', toolCallId: `edit-${at}`, title: `edit src/plate_${at}.rs`, kind: 'edit', status: 'in_progress' }),
    update({ sessionUpdate: 'tool_call_update', toolCallId: `edit-${at}`, status: 'completed', content: [{ type: 'diff', path: `src/plate_${at}.rs`, oldText: 'let craters = 0;\nreturn;\n', newText: `let craters = ${at};\ncount();\nreturn;\n` }] }),
    ...[1, 2, 3, 4, 5].map((part) => `/say After the edit of plate ${at}, part ${part}. `)
  ].join('\n');
  const [steps, turns] = [Math.ceil(MIXED / 20), Math.ceil(MIXED / 2_000)];
  for (let turn = 0; turn < turns; turn += 1) {
    const part = Array.from({ length: Math.ceil(steps / turns) }, (_, index) => step(turn * Math.ceil(steps / turns) + index));
    const text = [...(turn === 0 ? ['/say The very beginning.', '/plan Read; Edit; Ask'] : []), ...part, `/ask write part-${turn}.md`, ...(turn === turns - 1 ? ['/say The very end.'] : [])].join('\n');
    await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text });
  }
  const whole = await eventually('all of it is there', async () => {
    for (const { id, action_sha256 } of (await server.api('GET', '/api/v1/approvals?state=open')).items) await server.api('POST', `/api/v1/approvals/${id}/approve`, { action_sha256 });
    const now = await server.api('GET', `/api/v1/sessions/${session.id}`);
    return now.last_seq >= MIXED && now.state === 'idle' && now;
  }, 480_000);

  const { page, took } = await opened(session, 'The very end.');
  const first = await memory(page);
  console.log(`# ${whole.last_seq} events of all kinds: opened in ${took} ms, ${first.said}`);
  assert.ok(took <= 1500 * EASE, `${took} ms`);
  assert.ok(first.heap <= 300e6, `${first.heap} bytes`);

  const area = page.getByRole('log', { name: 'Conversation' });
  /** The first row in view, by its number, and how far below the edge it begins; and what there is in the page. */
  const look = () => area.evaluate((element) => {
    const edge = element.getBoundingClientRect().top;
    const rows = [...element.querySelectorAll('.transcript > [data-key]')];
    const row = rows.find((one) => one.getBoundingClientRect().bottom > edge + 1);
    return { key: row?.dataset.key, at: row ? row.getBoundingClientRect().top - edge : null, rows: rows.length, elements: element.querySelectorAll('*').length, filled: rows.length > 0 && rows[0].getBoundingClientRect().top <= edge + 200 && rows.at(-1).getBoundingClientRect().bottom >= element.getBoundingClientRect().bottom - 200 };
  });
  const still = (before, now, what) => assert.ok(now.key === before.key && Math.abs(now.at - before.at) <= 2, `${what}: row ${before.key} at ${before.at} became row ${now.key} at ${now.at}`);
  const frames = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(resolve)))));

  // A reader in the middle stays where it is while more comes.
  await area.evaluate((element) => element.scrollBy(0, -3_000));
  await page.getByRole('button', { name: 'Newest' }).waitFor();
  await frames();
  const reading = await look();
  await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `${step(steps + 1)}\n/say One more.` });
  await eventually('it is idle again', async () => { const now = await server.api('GET', `/api/v1/sessions/${session.id}`); return now.last_seq > whole.last_seq + 20 && now.state === 'idle'; }, 40_000);
  await page.waitForTimeout(500);
  still(reading, await look(), 'while more came');

  // Upwards, page by page, to the very beginning.
  const start = Date.now();
  let most = { rows: 0, elements: 0 };
  let pages = 0;
  while ((await page.getByText('The beginning of the conversation').count()) === 0) {
    assert.ok(Date.now() - start < 600_000, 'the beginning was not reached in ten minutes');
    const height = await area.evaluate((element) => { element.scrollTop = 0; return element.scrollHeight; });
    await eventually('what came before is there', async () => (await area.evaluate((element) => element.scrollHeight)) !== height || (await page.getByText('The beginning of the conversation').count()) > 0, 40_000);
    const now = await look();
    most = { rows: Math.max(most.rows, now.rows), elements: Math.max(most.elements, now.elements) };
    pages += 1;
  }
  await area.evaluate((element) => element.scrollTo({ top: 0 }));
  await page.getByText('The very beginning.').first().waitFor();
  const last = await memory(page);
  console.log(`# read to its beginning in ${pages} pages and ${((Date.now() - start) / 1000).toFixed(0)} s: ${last.said}, at most ${most.rows} rows and ${most.elements} elements in the page`);
  assert.ok(last.heap <= 300e6, `${last.heap} bytes`);
  assert.ok(most.elements <= MOST_ELEMENTS, `${most.elements} elements`);
  const [place, size] = await page.locator('.transcript > [data-key]').first().evaluate((row) => [row.getAttribute('aria-posinset'), row.getAttribute('aria-setsize')].map(Number));
  assert.ok(place === 1 && size > MIXED / 5, `${place} of ${size} items`);

  // Anywhere in between there is something to read, and reading on upwards does not jump.
  for (const part of [0.3, 0.7, 0.5]) {
    await area.evaluate((element, at) => { element.scrollTop = element.scrollHeight * at; }, part);
    await frames();
    assert.ok((await look()).filled, `at ${part} nothing is shown`);
  }
  for (let up = 0; up < 40; up += 1) {
    const before = await look();
    await area.evaluate((element) => element.scrollBy(0, -120));
    await frames();
    const now = await page.evaluate((key) => { const row = document.querySelector(`.transcript > [data-key="${key}"]`); return row && row.getBoundingClientRect().top - row.closest('.area').getBoundingClientRect().top; }, before.key);
    if (now !== null) assert.ok(Math.abs(now - before.at - 120) <= 2, `step ${up}: ${before.at} became ${now}`);
  }

  // What is selected can be copied though it has left the view; what was opened stays open; keys scroll on.
  const summary = page.locator('.transcript summary', { hasText: 'read_plate' }).first();
  const key = await summary.evaluate((element) => { element.scrollIntoView({ block: 'center' }); return element.closest('li[data-key]').dataset.key; });
  await frames();
  const call = page.locator(`.transcript > [data-key="${key}"]`);
  await call.locator('summary').click();
  await call.getByText('Output', { exact: true }).waitFor();
  await call.evaluate((element) => getSelection().selectAllChildren(element.querySelector('.title')));
  await area.evaluate((element) => element.scrollBy(0, 4_000));
  await frames();
  assert.match(await page.evaluate(() => String(getSelection())), /read_plate/);
  await page.evaluate(() => getSelection().removeAllRanges());
  await area.evaluate((element) => element.scrollBy(0, 8_000));
  await eventually('it is taken out of the page', async () => (await call.count()) === 0);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Conversation', 'the focus stays in the conversation');
  await page.keyboard.press('End');
  await eventually('the end is reached by its key', async () => (await page.getByText('One more.').count()) > 0 && (await page.getByRole('button', { name: 'Newest' }).count()) === 0);
  await page.keyboard.press('Home');
  await eventually('the beginning is reached by its key', async () => (await page.getByText('The very beginning.').count()) > 0);
  // Back to the end by its button; from there what comes is followed.
  await page.getByRole('button', { name: 'Newest' }).click();
  await page.getByText('One more.').first().waitFor();
  await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `${step(steps + 2)}\n/say And the last.` });
  await page.getByText('And the last.').first().waitFor({ timeout: 40_000 });
  await eventually('the end is in view', async () => area.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 4));
  harmless(page);
  await page.context().close();
});

test(`a conversation of one message of ${EVENTS} events opens at its end and holds at most 300 MB`, async () => {
  const session = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `/say The beginning.\n/chunks ${EVENTS} 1000000\n/say The very end.` });
  const whole = await eventually('all of it is there', async () => {
    const now = await server.api('GET', `/api/v1/sessions/${session.id}`);
    return now.last_seq >= EVENTS && now.state === 'idle' && now;
  }, 300_000);
  const { page, took } = await opened(session, 'The very end.');
  const { heap, said } = await memory(page);
  console.log(`# ${whole.last_seq} events of one message: opened in ${took} ms, ${said}`);
  assert.ok(heap <= 300e6, `${heap} bytes`);
  assert.ok(took <= 1500 * EASE, `${took} ms`);
  const length = () => page.locator('.transcript').evaluate((element) => element.textContent.length);
  for (let step = 0; step < 3; step += 1) {
    const before = await length();
    await page.getByRole('button', { name: 'Show what came before' }).click();
    await eventually('more is shown', async () => (await length()) > before + 10_000);
  }
  harmless(page);
  await page.context().close();
});
