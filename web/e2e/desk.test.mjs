// What a person does all day: several conversations side by side, long lists, many members at once, another machine, a
// decision that begins to wait while nobody looks; and what somebody may not do.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BIN, browse, eventually, harmless, login, spawn, up } from './harness.mjs';

let server, browser;
before(async () => {
  server = await up();
  browser = await browse();
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  for (const [name, runtime] of [['survey', 'scripted'], ['lander', null]]) await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name, runtime });
});
after(async () => {
  await browser?.close();
  await server?.down();
});
const session = async () => {
  const made = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  await eventually('it is idle', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`)).state === 'idle');
  return made;
};

test('two conversations stand side by side, each with its own words, and by their address', async () => {
  const [one, two] = [await session(), await session()];
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/sessions/${one.id}`);
  await page.getByLabel('Show another session beside this one').selectOption(two.id);
  await page.waitForURL(new RegExp(`beside=${two.id}`));
  const column = (index) => page.locator('.column').nth(index);
  for (const [index, name] of ['left', 'right'].entries()) {
    await column(index).getByLabel('Prompt').fill(`/say this is the ${name} one`);
    await column(index).getByLabel('Prompt').press('Enter');
  }
  for (const [index, name] of ['left', 'right'].entries()) {
    await column(index).locator('.of-message', { hasText: `this is the ${name} one` }).waitFor();
    assert.equal(await column(index).getByText('this is the').filter({ hasNotText: name }).count(), 0);
  }
  await page.reload();
  await column(1).locator('.of-message', { hasText: 'this is the right one' }).waitFor();
  await page.getByRole('button', { name: 'Close this column' }).click();
  await column(1).waitFor({ state: 'detached' });
  assert.ok(!page.url().includes('beside'));
  harmless(page);
  await page.context().close();
});

test('a conversation opens at its end and is read upwards, whole and in order, while it goes on', async () => {
  const made = await session();
  for (let turn = 0; turn < 45; turn += 1) await server.api('POST', `/api/v1/sessions/${made.id}/prompt`, { text: `/say answer ${turn}.` });
  await eventually('all is said', async () => (await server.api('GET', `/api/v1/sessions/${made.id}/turns?state=queued,running`)).items.length === 0, 60_000);
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/sessions/${made.id}`);
  await page.locator('.of-message', { hasText: 'answer 44.' }).waitFor();
  assert.equal(await page.getByText('answer 0.', { exact: true }).count(), 0);
  // Scrolling upwards reads what came before, up to the beginning.
  const area = page.getByRole('log', { name: 'Conversation' });
  await eventually('the beginning is there', async () => {
    await area.evaluate((element) => element.scrollTo({ top: 0 }));
    return page.getByText('The beginning of the conversation').count();
  });
  await server.api('POST', `/api/v1/sessions/${made.id}/prompt`, { text: '/say and one more.' });
  // Down again, a view at a time: only what is near the view is in the page.
  await area.evaluate((element) => element.scrollTo({ top: 0 }));
  const said = new Map();
  await eventually('all of it was seen', async () => {
    for (const [key, text] of await page.locator('.of-message').evaluateAll((rows) => rows.map((row) => [Number(row.dataset.key), row.textContent.trim()]))) said.set(key, text);
    await area.evaluate((element) => element.scrollBy(0, element.clientHeight));
    return [...said.values()].includes('and one more.');
  });
  assert.deepEqual([...said].sort(([one], [other]) => one - other).map(([, text]) => text), [...Array.from({ length: 45 }, (_, turn) => `answer ${turn}.`), 'and one more.']);
  harmless(page);
  await page.context().close();
});

test('the ledger is read backwards as far as one scrolls, narrowed by who, what and when, and names people', async () => {
  for (let from = 0; from < 400; from += 200) await server.api('POST', '/api/v1/tasks/import', { mission: 'apollo', kluster: 'lander', source: 'ledger', rows: Array.from({ length: 200 }, (_, index) => ({ line: index + 1, external_id: `l${from + index}`, title: `Bolt ${from + index} of ${((from + index + 7) * 2654435761).toString(36)}` })) });
  const { seq } = await server.api('GET', '/api/v1/ledger/head');
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/ledger`);
  const list = page.getByRole('list', { name: 'Events, newest first' });
  await list.locator('.seq').first().waitFor();
  assert.ok(Number(await list.locator('.seq').first().textContent()) >= seq - 1);
  await eventually('the first event is reached', async () => {
    await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    return (await list.locator('.seq').allTextContents()).some((text) => text.trim() === '1');
  }, 40_000);
  await page.getByLabel('Kind').selectOption('kluster');
  await page.getByText('2 shown, all there are').waitFor();
  await list.getByRole('button').first().click();
  const { principal } = await server.api('GET', '/api/v1/auth/whoami');
  await page.getByRole('region', { name: /^Event/ }).getByText(principal.name).first().waitFor();
  await page.getByLabel('By', { exact: true }).fill('nobody-is-called-that');
  await page.getByLabel('By', { exact: true }).press('Enter');
  await page.getByText('No event fits').or(page.getByRole('alert')).first().waitFor();
  harmless(page);
  await page.context().close();
});

test('the role of several members is changed at once; who was changed meanwhile is named, and it can be undone', async () => {
  for (const name of ['ann', 'bob', 'eve']) await server.api('POST', '/api/v1/principals', { name, principal_kind: 'user', role: 'viewer' });
  const roles = async () => Object.fromEntries((await server.api('GET', '/api/v1/principals?limit=200')).items.map((one) => [one.name, one.role]));
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/admin`);
  await page.getByLabel('Choose ann').check();
  await page.getByLabel('Choose bob').check();
  await page.getByText('2 chosen').waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('r');
  const dialog = page.getByRole('dialog');
  await dialog.locator('select').first().selectOption('contributor');
  await dialog.getByRole('button', { name: 'Change 2' }).click();
  await eventually('both have it', async () => { const now = await roles(); return now.ann === 'contributor' && now.bob === 'contributor' && now.eve === 'viewer'; });
  await page.getByRole('button', { name: /^Undo/ }).first().click();
  await eventually('it is taken back', async () => { const now = await roles(); return now.ann === 'viewer' && now.bob === 'viewer'; });
  await page.reload();
  for (const name of ['ann', 'bob', 'eve']) await page.getByLabel(`Choose ${name}`).check();
  await page.getByRole('button', { name: /^Change role/ }).click();
  await dialog.locator('select').first().selectOption('contributor');
  // Somebody else changes one of them meanwhile.
  await server.api('PUT', '/api/v1/principals/bob/role', { role: 'admin' });
  await dialog.getByRole('button', { name: 'Change 3' }).click();
  await dialog.getByRole('alert').waitFor();
  assert.equal(await dialog.getByText('not changed').count(), 1);
  // The refusal is said while the others are still asked for.
  await eventually('the others have it', async () => { const now = await roles(); return now.ann === 'contributor' && now.eve === 'contributor' && now.bob === 'admin'; });
  await dialog.getByRole('button', { name: 'Close' }).click();
  harmless(page);
  await page.context().close();
});

test('the command of the join wizard, pasted into a shell, joins a machine', async () => {
  const page = await browser.page(server, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(`${server.base}/ui/nodes`);
  await page.getByRole('button', { name: 'Join a node' }).click();
  await page.getByRole('button', { name: 'Make a join token' }).click();
  await page.getByRole('button', { name: /^Copy the command: \(umask/ }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(command, /mc-mesh run /);
  const folder = await mkdtemp(join(tmpdir(), 'mc-join-'));
  const shell = spawn('sh', ['-c', command], { cwd: folder, env: { ...server.env, PATH: `${BIN}:${process.env.PATH}` }, stdio: 'ignore', detached: true });
  try {
    await page.keyboard.press('Escape');
    await eventually('both nodes are shown', async () => (await page.locator('.card').count()) === 2, 40_000);
    const { items } = await server.api('GET', '/api/v1/nodes');
    assert.equal(items.filter((node) => node.state === 'ready').length, 2);
    const joined = items.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
    await server.api('DELETE', `/api/v1/nodes/${joined.id}`);
    await page.locator('.card').nth(1).waitFor({ state: 'detached' });
  } finally {
    process.kill(-shell.pid, 'SIGTERM');
    await new Promise((resolve) => shell.once('exit', resolve));
    await rm(folder, { recursive: true, force: true });
  }
  harmless(page);
  await page.context().close();
});

test('a decision that begins to wait while nobody looks is told of, without what it is about; the app can be installed', async () => {
  const page = await browser.page(server, { offline: true, permissions: ['notifications'], init: () => Object.defineProperty(document, 'hidden', { get: () => window.away === true }) });
  await page.goto(`${server.base}/ui/settings`);
  await page.getByRole('button', { name: 'Notify me' }).click();
  await page.getByRole('button', { name: 'No more notifications' }).waitFor();
  const registered = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/ui/'))?.active != null);
  await eventually('the worker is there', registered);
  await page.locator('.live.live').waitFor({ state: 'attached' });
  await page.evaluate(() => (window.away = true));
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'A secret errand', description: '/ask write secret.md' });
  await eventually('it waits', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items.length === 1);
  const told = await eventually('it is told of', () => page.evaluate(async () => (await (await navigator.serviceWorker.getRegistration('/ui/')).getNotifications()).map(({ title, body, data }) => ({ title, body, data }))).then((all) => all[0]));
  assert.equal(told.title, 'A decision waits for you');
  assert.match(told.body, /apollo/);
  assert.ok(!/secret/.test(JSON.stringify(told)));
  assert.match(told.data.path, /^\/ui\/approvals\?at=apr_/);
  assert.match(await page.title(), /^\(1\)/);

  const devtools = await page.context().newCDPSession(page);
  const manifest = await devtools.send('Page.getAppManifest');
  assert.deepEqual(manifest.errors, []);
  assert.equal(JSON.parse(manifest.data).start_url, '/ui/');
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  assert.deepEqual(installabilityErrors.map((error) => error.errorId).filter((id) => id !== 'in-incognito'), []);
  // What a browser with a window of its own says is said here by the test; the button asks once.
  await page.evaluate(() => {
    window.asked = 0;
    window.dispatchEvent(Object.assign(new Event('beforeinstallprompt', { cancelable: true }), { prompt: async () => { window.asked += 1; } }));
  });
  await page.getByRole('button', { name: 'Install', exact: true }).click();
  await page.getByRole('button', { name: 'Install', exact: true }).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => window.asked), 1);
  harmless(page);
  await page.context().close();
});

test('whoever may only read is offered nothing else, on no screen, and is refused when it is forced', async () => {
  const doc = await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'rules', title: 'Rules', content: 'One.\n' });
  const task = await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title: 'Polish the window' });
  const running = await session();
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Measure the shadow', description: '/ask write shadow.md', acknowledge_overlap: [] });
  const waiting = await eventually('something waits', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items[0]);
  const { items: [node] } = await server.api('GET', '/api/v1/nodes');
  const { token } = await server.api('POST', '/api/v1/auth/login', { principal: 'reader', role: 'viewer' });
  const page = await browser.page(server, { token: null });
  await login(page, server, token);
  const deeds = /^(New |Pause|Resume|Block|Unblock|Cancel|Accept|Send back|Try again|Approve|Reject|Publish|Start|Stop|Send$|Drain|Cordon|Uncordon|Join|Save|Edit|Change|Move |Add )/;
  for (const [path, shown] of [['/', 'h1'], ['/missions', 'h1'], ['/missions/apollo', 'h1'], ['/missions/apollo/lander', '.card'], [`/tasks/${task.key}`, 'dl'], [`/sessions/${running.id}`, 'footer'], ['/sessions', 'h1'], [`/approvals?at=${waiting.id}`, 'article'], ['/nodes', '.card'], [`/docs/${doc.id}`, 'article'], ['/admin', 'h1']]) {
    await page.goto(`${server.base}/ui${path}`);
    await page.locator(`main ${shown}`).first().waitFor();
    const names = await page.locator('main').getByRole('button').or(page.locator('main').getByRole('tab')).evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? one.textContent.trim()));
    assert.deepEqual(names.filter((name) => deeds.test(name)), [], path);
    assert.equal(await page.locator('main textarea').count(), 0, path);
  }
  const forced = await page.evaluate(async ([task, doc, running, waiting, node]) => {
    const ask = async (method, path, body = {}) => [`${method} ${path}`, (await fetch(`/api/v1${path}`, { method, headers: { 'x-mc-csrf': '1', 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }, body: JSON.stringify(body) })).status];
    return Promise.all([
      ask('POST', '/missions', { name: 'mine' }), ask('PATCH', '/missions/apollo', { paused: true }), ask('POST', '/klusters', { mission: 'apollo', name: 'mine' }), ask('POST', '/tasks', { mission: 'apollo', kluster: 'lander', title: 'Mine' }),
      ask('POST', `/tasks/${task}/block`, { note: 'x' }), ask('POST', `/tasks/${task}/cancel`, { note: null }), ask('POST', `/sessions/${running}/prompt`, { text: 'x' }), ask('POST', `/sessions/${running}/stop`), ask('POST', '/sessions', { mission: 'apollo', runtime: 'scripted' }),
      ask('POST', `/approvals/${waiting}/approve`), ask('POST', `/approvals/${waiting}/reject`), ask('POST', '/approvals/decide', { items: [{ approval: waiting, decision: 'reject' }] }), ask('POST', `/nodes/${node}/drain`), ask('POST', `/nodes/${node}/cordon`), ask('POST', '/join-tokens', { uses: 1 }),
      ask('POST', `/docs/${doc}/versions`, { base_version: 1, content: 'x', note: '' }), ask('PUT', '/principals/reader/role', { role: 'admin' }), ask('POST', '/principals', { name: 'mine', principal_kind: 'user', role: 'admin' }), ask('POST', '/publications', { mission: 'apollo', entities: [{ entity_type: 'mission', entity_id: 'apollo' }] })
    ]);
  }, [task.key, doc.id, running.id, waiting.id, node.id]);
  assert.deepEqual(forced.filter(([, status]) => status !== 403), []);
  assert.equal((await server.api('GET', `/api/v1/approvals/${waiting.id}`)).state, 'open');
  harmless(page);
  await page.context().close();
});

test('a role that is given or taken away changes what is offered, without loading anew', async () => {
  const { token } = await server.api('POST', '/api/v1/auth/login', { principal: 'newcomer', role: 'viewer' });
  const role = (name) => server.api('PUT', '/api/v1/principals/newcomer/role', { role: name });
  const page = await browser.page(server, { token });
  await page.goto(`${server.base}/ui/docs`);
  const write = page.getByRole('button', { name: 'New doc' });
  await page.getByRole('heading', { name: 'Docs & artifacts' }).waitFor();
  assert.equal(await write.count(), 0);
  await role('contributor');
  await eventually('it is offered to write', async () => { await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); return (await write.count()) === 1; });
  await page.locator('.live.live').waitFor({ state: 'attached' });
  await write.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('mine');
  await dialog.getByLabel('Text', { exact: true }).fill('Mine.');
  await role('viewer');
  await dialog.getByRole('button', { name: 'Create doc' }).click();
  // What was refused says that the role is another one.
  await dialog.getByRole('alert').waitFor();
  await eventually('it is no longer offered', async () => (await page.locator('button', { hasText: 'New doc' }).count()) === 0, 5_000);
  assert.equal(await dialog.getByLabel('Text', { exact: true }).inputValue(), 'Mine.');
  harmless(page);
  await page.context().close();
});

test('docs and missions by the hundred: only what is near the view is in the page, and scrolling reads on to the last', async () => {
  for (let from = 0; from < 230; from += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => server.api('POST', '/api/v1/docs', { mission: 'apollo', name: `note-${from + index}`, title: `Note ${from + index}`, content: 'Seen.\n' })));
  for (let from = 0; from < 60; from += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => server.api('POST', '/api/v1/missions', { name: `probe-${from + index}` })));
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/docs?mission=apollo`);
  const docs = page.getByRole('list', { name: 'Docs' });
  await eventually('all docs are read', async () => {
    await docs.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    const rows = docs.getByRole('listitem');
    assert.ok((await rows.count()) < 60, 'too many rows in the page');
    return Number(await rows.last().getAttribute('aria-setsize')) >= 230;
  });
  await page.goto(`${server.base}/ui/missions`);
  const missions = page.getByRole('list', { name: 'Missions' });
  await missions.getByRole('link', { name: /^probe-/ }).first().waitFor();
  const seen = new Set();
  await eventually('all missions were seen', async () => {
    const names = await missions.locator('a.card strong').allTextContents();
    assert.ok(names.length < 60, `${names.length} cards in the page`);
    for (const name of names) seen.add(name);
    await missions.evaluate((element) => element.scrollBy(0, element.clientHeight));
    return seen.size >= 61;
  });
  harmless(page);
  await page.context().close();
});
