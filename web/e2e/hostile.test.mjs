// What agents and others write to do harm, each text by itself in every place that takes it: as words, thought, plan, call,
// diff, terminal, permission, doc, task. No script runs, no other server is asked, nothing stands beside the page, and what
// cannot be seen is named.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { broken, browse, eventually, follow, harmless, settled, up } from './harness.mjs';

const source = await readFile(new URL('../src/lib/hostile.ts', import.meta.url), 'utf8');
const { HOSTILE } = await import(`data:text/javascript,${encodeURIComponent(source.replace(': string[]', ''))}`);
/** Characters that make other text read differently, cannot be seen, or steer a terminal. */
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** Of those, what is named; sequences that colour or title a terminal are taken out whole. */
const NAMED = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** A title as the server takes it: one line of at most 300 characters. */
const isTitle = (text) => [...text].length <= 300 && text.trim() !== '' && !/\p{Cc}/u.test(text);
const asTitle = (text) => [...text.replace(/\p{Cc}/gu, ' ')].slice(0, 300).join('').trim();

let server, browser;
before(async () => {
  assert.ok(HOSTILE.length >= 60, `${HOSTILE.length} texts`);
  server = await up();
  browser = await browse();
  await server.api('POST', '/api/v1/missions', { name: 'gemini', description: HOSTILE[0] });
  await server.api('POST', '/api/v1/klusters', { mission: 'gemini', name: 'docking', description: 'invoice\u202egnp.exe' });
});
after(async () => {
  await browser?.close();
  await server?.down();
});

/** Asks for a change that has to be refused. */
async function refused(path, body) {
  const answer = await fetch(`${server.direct}${path}`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.ok([400, 422].includes(answer.status), `${path}: ${answer.status}`);
}

/** Looks at what is shown, everything opened: `where` is for who reads the failure. */
async function look(page, where) {
  await page.evaluate(() => {
    for (const part of document.querySelectorAll('main details')) part.open = true;
    return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
  assert.equal(await page.evaluate(() => window.__pwned), undefined, where);
  assert.equal(await page.locator('main :is(script, iframe, object, embed, img, video, link, meta, base, form[action], style, math, template)').count(), 0, where);
  const unseen = await page.evaluate(([shape]) => {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) if (!node.parentElement.closest('script, style, option') && new RegExp(shape, 'u').test(node.data)) found.push(node.data.slice(0, 60));
    if (new RegExp(shape, 'u').test(document.title)) found.push(document.title);
    return found.map((text) => JSON.stringify(text));
  }, [UNSEEN.source]);
  assert.deepEqual(unseen, [], `${where}: characters that are obeyed instead of named`);
  assert.deepEqual(await broken(page), [], where);
  harmless(page);
}
async function visit(page, path) {
  if (page.url() === 'about:blank') {
    await page.goto(`${server.base}/ui${path}`);
    await settled(page);
  } else await follow(page, path);
  await look(page, path);
}
/** Whether all that cannot be seen in a text is named where it is shown. */
function named(text, shown, where) {
  // Where a link leads is not shown: its address is written without them.
  for (const [character] of text.replace(/\]\([^)]*\)/g, ']').matchAll(NAMED)) {
    const name = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
    assert.ok(shown.includes(name), `${where}: ${name} is not named in ${JSON.stringify(shown.slice(0, 80))}`);
  }
}

test('in a conversation: words, thoughts, plans, calls, diffs, terminals, permissions, each text by itself', async () => {
  const session = await server.api('POST', '/api/v1/sessions', { mission: 'gemini', runtime: 'scripted' });
  const decide = async (but = null) => {
    for (const { id, action_sha256 } of (await server.api('GET', '/api/v1/approvals?state=open&limit=100')).items) if (id !== but) await server.api('POST', `/api/v1/approvals/${id}/approve`, { action_sha256 });
  };
  const words = (kind, text) => ({ sessionUpdate: kind, content: { type: 'text', text } });
  for (const [index, text] of HOSTILE.entries()) {
    // Of what is gigantic the second places of a call get the beginning only, so that a prompt may hold it.
    const short = text.slice(0, 5_000);
    const call = (name, body) => ({ sessionUpdate: 'tool_call', toolCallId: `${name}-${index}`, title: 'call', kind: 'other', status: 'completed', ...body });
    const lines = [
      words('agent_message_chunk', text),
      words('agent_thought_chunk', text),
      { sessionUpdate: 'plan', entries: [{ content: text, priority: 'medium', status: 'pending' }, { content: short, priority: short, status: short }] },
      call('input', { title: text, rawInput: { [short]: short }, locations: [{ path: short }] }),
      call('output', { title: 'output', content: [{ type: 'content', content: { type: 'text', text } }] }),
      call('diff', { title: 'diff', kind: 'edit', content: [{ type: 'diff', path: short, oldText: short, newText: text }] }),
      call('terminal', { title: 'terminal', content: [{ type: 'terminal', terminalId: 'terminal', output: text }] })
    ].map((update) => `/update ${JSON.stringify(update)}`);
    lines.push(`/ask ${JSON.stringify(text)}`);
    // As many lines in a prompt as it takes.
    const prompts = [];
    for (const line of lines) {
      if (prompts.length && prompts.at(-1).length + line.length < 120_000) prompts.push(`${prompts.pop()}\n${line}`);
      else prompts.push(line);
    }
    for (const prompt of prompts) await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: prompt });
    await decide();
  }
  await eventually('all of it was said', async () => {
    await decide();
    return (await server.api('GET', `/api/v1/sessions/${session.id}/turns?state=queued,running`)).items.length === 0;
  }, 240_000);
  await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `/ask ${JSON.stringify('rm \u202etxt.exe\u200b <img src=x onerror=window.__pwned=1>')}` });
  await eventually('one is open', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items.length === 1);

  const page = await browser.page(server);
  await visit(page, `/sessions/${session.id}`);
  const area = page.getByRole('log', { name: 'Conversation' });
  // To its beginning, so that what pages cut is whole; then downwards a view at a time, and of each row what it says.
  await eventually('the beginning is there', async () => {
    await area.evaluate((element) => element.scrollTo({ top: 0 }));
    return (await page.getByText('The beginning of the conversation').count()) > 0;
  }, 120_000);
  await area.evaluate((element) => element.scrollTo({ top: 0 }));
  const said = { message: new Map(), thought: new Map(), plan: new Map(), tool: new Map(), permission: new Map() };
  for (let [steps, before] = [0, -1]; ; steps += 1) {
    assert.ok(steps < 3_000, 'the end is not reached');
    await look(page, `/sessions/${session.id}, ${steps} views from its beginning`);
    for (const [kind, key, text] of await area.locator('.transcript > [data-key]').evaluateAll((rows) => rows.map((row) => [row.className.match(/of-(\w+)/)[1], Number(row.dataset.key), row.textContent]))) said[kind]?.set(key, text);
    const top = await area.evaluate((element) => element.scrollTop);
    if (top === before) break;
    before = top;
    await area.evaluate((element) => element.scrollBy(0, element.clientHeight));
  }
  const inOrder = (kind) => [...said[kind]].sort(([one], [other]) => one - other).map(([, text]) => text);
  for (const kind of ['message', 'thought', 'plan']) assert.equal(said[kind].size, HOSTILE.length, `${kind}: each text is one by itself`);
  // Four calls and the one that asks.
  const tools = inOrder('tool');
  assert.equal(tools.length, 5 * HOSTILE.length + 1);
  assert.equal(said.permission.size, HOSTILE.length + 1);
  for (const [index, text] of HOSTILE.entries()) {
    for (const kind of ['message', 'thought', 'plan']) {
      const shown = inOrder(kind)[index];
      named(text, shown, `${kind} ${index}`);
      if (text.length < 5_000 && text.includes('<script>')) assert.ok(shown.includes('<script>'), `${kind} ${index} is not shown as text: ${shown.slice(0, 80)}`);
    }
    if (text.length < 5_000) for (const part of [0, 1, 2, 3]) named(text, tools[5 * index + part], `call ${index}, ${part}`);
  }
  await page.context().close();
});

test('as approvals: what waits and each that was decided', async () => {
  const page = await browser.page(server);
  await visit(page, '/approvals');
  await page.locator('article .title').getByText('U+202E').first().waitFor();
  await visit(page, '/approvals?view=decided');
  const decided = Number(await page.getByRole('list', { name: 'Decided approvals' }).locator('[role="listitem"]').first().getAttribute('aria-setsize'));
  assert.ok(decided >= 60, `${decided} decided`);
  await page.locator('main').focus();
  for (let at = 0; at < decided; at += 1) {
    await look(page, `the decided approval ${at}`);
    const before = page.url();
    await page.keyboard.press('j');
    if (at < decided - 1) await page.waitForFunction((url) => location.href !== url, before);
  }
  await page.context().close();
});

test('as docs and tasks: each text is one by itself', async () => {
  await refused('/api/v1/missions', { name: 'gem\u202eini' });
  await refused('/api/v1/missions', { name: '<script>' });
  const made = [];
  for (const [index, text] of HOSTILE.entries()) {
    // A NUL is refused at the door; the rest of the text is not.
    if (text.includes('\0')) for (const [path, body] of [['docs', { name: `nul-${index}`, content: text }], ['tasks', { kluster: 'docking', title: 'nul', description: text }]]) await refused(`/api/v1/${path}`, { mission: 'gemini', ...body });
    if (!isTitle(text)) await refused('/api/v1/tasks', { mission: 'gemini', kluster: 'docking', title: text });
    const [content, title] = [text.replaceAll('\0', ''), isTitle(text) ? text : asTitle(text) || 'nothing to see'];
    const doc = await server.api('POST', '/api/v1/docs', { mission: 'gemini', name: `hostile-${index}`, title, content });
    // A description is of at most 64 KiB.
    if (content.length > 65_536) await refused('/api/v1/tasks', { mission: 'gemini', kluster: 'docking', title, description: content });
    const task = await server.api('POST', '/api/v1/tasks', { mission: 'gemini', kluster: 'docking', title, description: content.slice(0, 60_000), definition_of_done: content.slice(0, 5_000) });
    made.push({ index, text: content, doc: `/docs/${doc.id}`, task: `/tasks/${task.key}` });
  }
  const [page, beside] = [await browser.page(server), await browser.page(server)];
  const read = async (page, what, shown) => {
    for (const one of made) {
      await visit(page, one[what]);
      named(one.text, await shown.textContent(), `${what} ${one.index}`);
    }
  };
  await Promise.all([read(page, 'task', page.getByRole('region', { name: 'Description' })), read(beside, 'doc', beside.locator('article.paper'))]);
  await beside.context().close();
  // Asked why, in a dialog with the title.
  const bidi = made.find(({ text }) => text.includes('\u202e'));
  await visit(page, bidi.task);
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  await page.getByRole('dialog').getByText('U+202E').first().waitFor();
  await look(page, 'a dialog about a task');
  await page.context().close();
  const phone = await browser.page(server, { phone: true });
  for (const { doc, task } of made.filter(({ text }) => text.length >= 500)) for (const path of [doc, task]) await visit(phone, path);
  await phone.context().close();
});

test('in lists, on Home, in search and ledger, and as a file', async () => {
  const file = await fetch(`${server.base}/api/v1/artifacts?mission=gemini&name=evil.svg`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'image/svg+xml' }, body: '<svg xmlns="http://www.w3.org/2000/svg" onload="window.__pwned=1"><script>window.__pwned=1</script></svg>' });
  const artifact = await file.json();
  await eventually('it is found', async () => (await server.api('GET', '/api/v1/search?q=pwned')).items.length > 0, 60_000);
  const page = await browser.page(server);
  for (const path of ['/', '/missions', '/missions/gemini', '/missions/gemini/docking', '/missions/gemini/docking?view=list', '/missions/gemini/docking?view=graph', '/sessions', '/docs', '/docs?view=artifacts', `/artifacts/${artifact.id}`, '/search?q=pwned', '/search?q=invoice', '/ledger', '/new?mission=gemini&kluster=docking', '/admin?view=policies']) await visit(page, path);
  // Opened by itself, what an agent stored is no page with rights.
  const answer = await page.request.get(`${server.base}/api/v1/artifacts/${artifact.id}/content`);
  assert.match(answer.headers()['content-security-policy'], /sandbox/);
  await page.context().close();
  const phone = await browser.page(server, { phone: true });
  for (const path of ['/', '/approvals', '/missions/gemini', '/docs', '/search?q=pwned', '/ledger']) await visit(phone, path);
  await phone.context().close();
});
