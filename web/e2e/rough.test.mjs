// When things go wrong in the middle: wrong answers to every kind of deed, and a server that is killed while it decides or
// drains. Nothing typed is lost, nothing is done twice, and the way on is said.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { between, browse, eventually, harmless, loginAgain, up } from './harness.mjs';

let server, browser, way, witnessed;
before(async () => {
  witnessed = await mkdtemp(join(tmpdir(), 'mc-e2e-witness-'));
  process.env.MC_WITNESS = join(witnessed, 'lines');
  server = await up();
  browser = await browse();
  way = await between(server.port);
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  for (const [name, runtime] of [['survey', 'scripted'], ['lander', null]]) await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name, runtime });
});
after(async () => {
  await browser?.close();
  await way?.close();
  await server?.down();
  await rm(witnessed, { recursive: true, force: true });
});
const open = (options = {}) => browser.page(server, { base: way.base, ...options });
const wrong = (method, ending, status, headers) => (way.how = (request) => (request.method === method && request.path.endsWith(ending) ? (status === 0 ? { lose: true } : { status, headers }) : undefined));
const well = () => (way.how = () => undefined);
/** The words of what is seen as gone wrong. */
const said = (page, status) => page.getByRole('alert').getByText(status === 0 ? 'Server not reachable' : `Answered with ${status}`).first().waitFor();

test('a prompt whose answer is wrong stays typed, and is sent once when it is right again', async () => {
  const made = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  await eventually('it is idle', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`)).state === 'idle');
  const page = await open();
  await page.goto(`${way.base}/ui/sessions/${made.id}`);
  const field = page.getByLabel('Prompt');
  for (const status of [403, 409, 412, 500]) {
    await field.fill(`/say after ${status}`);
    wrong('POST', '/prompt', status);
    await field.press('Enter');
    await said(page, status);
    assert.equal(await field.inputValue(), `/say after ${status}`);
    well();
    await field.press('Enter');
    await page.locator('.of-message', { hasText: `after ${status}` }).waitFor();
    assert.equal(await field.inputValue(), '');
  }
  for (const status of [429, 503, 0]) {
    await field.fill(`/say after ${status}`);
    wrong('POST', '/prompt', status, { 'retry-after': '1' });
    await field.press('Enter');
    await page.getByText('One write waits to be sent.').waitFor();
    well();
    await page.getByText('One write waits to be sent.').waitFor({ state: 'detached', timeout: 30_000 });
    await page.locator('.of-message', { hasText: `after ${status}` }).waitFor();
  }
  const turns = (await server.api('GET', `/api/v1/sessions/${made.id}/turns?limit=50`)).items.map((turn) => turn.prompt).sort();
  assert.deepEqual(turns, [0, 403, 409, 412, 429, 500, 503].map((status) => `/say after ${status}`).sort());
  harmless(page);
  await page.context().close();
});

test('a decision whose answer is wrong or lost keeps its note, can be made again, and is made once', async () => {
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Draw the map', description: '/ask draw map.svg' });
  const waiting = await eventually('something waits', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items[0]);
  const page = await open();
  await page.goto(`${way.base}/ui/approvals`);
  const note = page.getByLabel('Note', { exact: true });
  await note.fill('seen by two');
  for (const status of [403, 409, 412, 429, 500, 503]) {
    wrong('POST', '/approve', status, { 'retry-after': '1' });
    await page.getByRole('button', { name: /^Approve/ }).click();
    await said(page, status);
    assert.equal(await note.inputValue(), 'seen by two');
  }
  // The server decides and its answer is lost: the stream tells what became of it.
  wrong('POST', '/approve', 0);
  await page.getByRole('button', { name: /^Approve/ }).click();
  await eventually('it is approved', async () => (await server.api('GET', `/api/v1/approvals/${waiting.id}`)).state !== 'open');
  well();
  await page.getByText('Nothing waits for a decision').or(page.getByText('seen by two')).first().waitFor();
  const decided = await server.api('GET', `/api/v1/approvals/${waiting.id}`);
  assert.equal(decided.note, 'seen by two');
  assert.equal((await server.api('GET', `/api/v1/ledger/events?subject=${waiting.id}&action=approval.decide`)).items.length, 1);
  harmless(page);
  await page.context().close();
});

test('an action that is not what its digest is of is approved by no way: not by button, key, option or batch', async () => {
  for (const name of ['north', 'south']) await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: `Clear the ${name} shelf`, description: `/ask clear the ${name} shelf`, acknowledge_overlap: [] });
  const waiting = await eventually('both ask', async () => {
    const { items } = await server.api('GET', '/api/v1/approvals?state=open');
    return items.length === 2 && items;
  }, 40_000);
  let sent = 0;
  way.how = ({ method, path }) => {
    if (method === 'POST' && path.startsWith('/api/v1/approvals/')) sent += 1;
    return path === '/api/v1/watch' ? { alter: (line) => line.replace(/clear the (north|south) shelf/g, 'dust the $1 shelf') } : undefined;
  };
  const page = await open();
  await page.goto(`${way.base}/ui/approvals`);
  await page.getByText('digest differs: do not approve').waitFor();
  assert.ok(await page.getByRole('button', { name: /^Approve/ }).isDisabled());
  assert.ok(await page.getByRole('button', { name: 'Allow always', exact: true }).isDisabled());
  await page.locator('main').focus();
  await page.keyboard.press('y');
  await page.getByRole('alert').getByText('Not approved').waitFor();
  await page.keyboard.press('a');
  await page.getByText('2 chosen').waitFor();
  await page.keyboard.press('Y');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('The digest differs from the action').nth(1).waitFor();
  assert.ok(await dialog.getByRole('button', { name: 'Approve 2' }).isDisabled());
  assert.equal(sent, 0);
  for (const { id } of waiting) assert.equal((await server.api('GET', `/api/v1/approvals/${id}`)).state, 'open');
  // Rejected it may be.
  await page.keyboard.press('Escape');
  await page.locator('main').focus();
  await page.keyboard.press('n');
  await eventually('one is rejected', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items.length === 1);
  well();
  harmless(page);
  await page.context().close();
  for (const { id } of (await server.api('GET', '/api/v1/approvals?state=open')).items) await server.api('POST', `/api/v1/approvals/${id}/reject`, {});
});

test('a deed that may not be undone is asked about twice, also when the answer is “allow always”, which then is what the agent hears', async () => {
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Empty the store', description: '/ask empty the store', acknowledge_overlap: [] });
  const waiting = await eventually('it asks', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items[0], 40_000);
  assert.equal(waiting.review.risk, 'unknown');
  let sent = 0;
  way.how = ({ method, path }) => {
    if (method === 'POST' && path.startsWith('/api/v1/approvals/')) sent += 1;
    return path === '/api/v1/watch' ? { alter: (line) => line.replace('"risk":"unknown"', '"risk":"destructive"') } : undefined;
  };
  const page = await open();
  const card = page.getByRole('article', { name: `Approval: ${waiting.title}` });
  const always = card.getByRole('button', { name: 'Allow always', exact: true });
  const sure = card.getByRole('alertdialog', { name: 'Confirm' });
  // On Home and among the approvals.
  for (const place of ['', 'approvals']) {
    await page.goto(`${way.base}/ui/${place}`);
    await always.click();
    await sure.getByText('“Allow always”').waitFor();
    await page.keyboard.press('n');
    await sure.waitFor({ state: 'detached' });
  }
  // A key that is held says it once.
  await page.locator('main').focus();
  for (let held = 0; held < 5; held += 1) await page.keyboard.down('y');
  await page.keyboard.up('y');
  await sure.getByText('once only').waitFor();
  await page.keyboard.press('n');
  assert.deepEqual([sent, (await server.api('GET', `/api/v1/approvals/${waiting.id}`)).state], [0, 'open']);
  await always.click();
  await sure.getByRole('button', { name: /^Approve/ }).click();
  const decided = await eventually('the agent was told', async () => {
    const found = await server.api('GET', `/api/v1/approvals/${waiting.id}`);
    return found.state === 'executed' && found;
  });
  assert.deepEqual([sent, decided.outcome], [1, 'option allow_always']);
  const heard = (await server.witness()).filter(({ dir, line }) => dir === 'in' && JSON.parse(line).result?.outcome?.optionId === 'allow_always');
  assert.equal(heard.length, 1);
  well();
  harmless(page);
  await page.context().close();
});

test('forms keep their words through wrong answers, also when one has to log in again', async () => {
  const task = await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title: 'Polish the window' });
  const doc = await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'rules', title: 'Rules', content: 'One.\n' });
  const page = await open();
  // Why a task is blocked.
  await page.goto(`${way.base}/ui/tasks/${task.key}`);
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('the glass is missing');
  for (const status of [403, 409, 412, 429, 500, 0]) {
    wrong('POST', '/block', status === 0 ? 502 : status);
    await dialog.getByRole('button', { name: 'Block', exact: true }).click();
    await said(page, status === 0 ? 502 : status);
    assert.equal(await dialog.getByRole('textbox').inputValue(), 'the glass is missing');
  }
  well();
  await dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await eventually('it is blocked', async () => (await server.api('GET', `/api/v1/tasks/${task.key}`)).state === 'blocked');
  // A mission with a description.
  await page.goto(`${way.base}/ui/missions?new=1`);
  await page.getByRole('textbox', { name: 'Name' }).fill('mercury');
  await page.getByRole('textbox', { name: 'Description' }).fill('To the sun');
  for (const status of [409, 500]) {
    wrong('POST', '/missions', status);
    await page.getByRole('button', { name: 'Create mission', exact: true }).click();
    await said(page, status);
    assert.equal(await page.getByRole('textbox', { name: 'Description' }).inputValue(), 'To the sun');
  }
  well();
  await page.getByRole('button', { name: 'Create mission', exact: true }).click();
  await page.waitForURL(/\/missions\/mercury$/);
  // A doc, whose login ends while it is written.
  await page.goto(`${way.base}/ui/docs/${doc.id}`);
  await page.getByRole('tab', { name: 'Edit' }).click();
  await page.getByLabel('Text').fill('One.\nTwo.\n');
  wrong('POST', '/versions', 401);
  await page.getByRole('button', { name: 'Save as version 2' }).click();
  await page.getByRole('dialog', { name: 'Log in again' }).waitFor();
  well();
  await loginAgain(page, server.token);
  await eventually('it is version 2', async () => (await server.api('GET', `/api/v1/docs/${doc.id}`)).latest_version === 2, 30_000);
  assert.equal((await server.api('GET', `/api/v1/docs/${doc.id}/versions`)).items.length, 2);
  harmless(page);
  await page.context().close();
});

test('a login session that ends while somebody writes: one logs in again over the page, the words are there, and arrive', async () => {
  const [page, second] = await open().then(async (first) => [first, await first.context().newPage()]);
  const asks = (at) => at.getByRole('dialog', { name: 'Log in again' });
  const { token: other } = await server.api('POST', '/api/v1/auth/login', { principal: 'reader', role: 'viewer' });

  // A new doc, refused when it is sent. Nothing but logging in leads on, and somebody else's token does not.
  await page.goto(`${way.base}/ui/docs`);
  await page.getByRole('button', { name: 'New doc' }).click();
  const doc = page.getByRole('dialog', { name: 'New doc' });
  await doc.getByLabel('Mission').selectOption('apollo');
  for (const [name, text] of [['Name', 'checklist'], ['Title', 'Checklist'], ['Text', 'Boots, then gloves.']]) await doc.getByLabel(name, { exact: true }).fill(text);
  wrong('POST', '/docs', 401);
  await doc.getByRole('button', { name: 'Create doc' }).click();
  await asks(page).waitFor();
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await asks(page).evaluate((dialog) => dialog.contains(document.activeElement)));
  }
  await page.keyboard.press('Escape');
  await asks(page).getByLabel('Token', { exact: true }).fill(other);
  await page.keyboard.press('Enter');
  await asks(page).getByRole('alert').getByText('reader').waitFor();
  await loginAgain(page, server.token);
  assert.equal(await doc.getByLabel('Text', { exact: true }).inputValue(), 'Boots, then gloves.');
  well();
  await doc.getByRole('button', { name: 'Create doc' }).click();
  await page.waitForURL(/\/ui\/docs\/doc_/);
  await page.getByText('Boots, then gloves.').waitFor();

  // The note of a decision, when the login session ends for good: streams are refused, here and in the other tab.
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Chart the shelf', description: '/ask chart the shelf', acknowledge_overlap: [] });
  const waiting = await eventually('it asks', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items[0], 40_000);
  for (const tab of [second, page]) await tab.goto(`${way.base}/ui/approvals`);
  const note = page.getByLabel('Note', { exact: true });
  await note.fill('seen by one');
  for (const { id } of (await server.api('GET', '/api/v1/auth/logins?limit=200')).items) await server.api('DELETE', `/api/v1/auth/logins/${id}`);
  for (const tab of [second, page]) await asks(tab).waitFor();
  await loginAgain(page, server.token);
  await asks(second).waitFor({ state: 'detached' });
  assert.equal(await note.inputValue(), 'seen by one');
  await page.getByRole('button', { name: /^Approve/ }).click();
  await eventually('it is approved', async () => (await server.api('GET', `/api/v1/approvals/${waiting.id}`)).note === 'seen by one');
  await second.getByText('Nothing waits for a decision').waitFor();

  // A policy, refused when it is put in force.
  const mission = await server.api('POST', '/api/v1/missions', { name: 'ceres' });
  await page.goto(`${way.base}/ui/admin?view=policies`);
  await page.getByRole('button', { name: 'Change… what ceres does about' }).click();
  const policy = page.getByRole('dialog', { name: 'Overlapping work in ceres' });
  await policy.getByRole('radio', { name: /Ask to have seen it/ }).check();
  await policy.getByLabel('Asked from (percent alike)').fill('73');
  wrong('PATCH', mission.id, 401);
  await policy.getByRole('button', { name: 'Put in force' }).click();
  await loginAgain(page, server.token);
  assert.equal(await policy.getByLabel('Asked from (percent alike)').inputValue(), '73');
  well();
  await policy.getByRole('button', { name: 'Put in force' }).click();
  await eventually('it is in force', async () => (await server.api('GET', '/api/v1/missions/ceres')).overlap_policy?.acknowledge_at_percent === 73);

  // Logging out takes what was typed with it, and the other tab too.
  const typed = (tab) => tab.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('mc.draft.')).length);
  for (const tab of [second, page]) {
    await tab.goto(`${way.base}/ui/new`);
    await tab.getByLabel('Title', { exact: true }).fill('Nobody else reads this');
    await eventually('it is kept', () => typed(tab));
  }
  await page.goto(`${way.base}/ui/settings`);
  assert.equal(await typed(page), 1);
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  for (const tab of [second, page]) {
    await tab.waitForURL(/\/ui\/login/);
    assert.equal(await typed(tab), 0);
  }
  harmless(page);
  await page.context().close();
});

test('a stream that breaks is not opened again with the cookie of somebody who has logged in beside the page', async () => {
  const [ann, eve] = await Promise.all(['ann', 'eve'].map((principal) => server.api('POST', '/api/v1/auth/login', { principal, role: 'viewer' })));
  const { principal } = await server.api('GET', '/api/v1/auth/whoami', undefined, ann.token);
  const page = await open({ token: ann.token });
  // As it is between a login in another page and what this one hears of it.
  const answer = await page.context().request.post(`${way.base}/api/v1/auth/cookie`, { headers: { authorization: `Bearer ${eve.token}` }, data: {} });
  assert.ok(answer.ok());
  const named = new Set();
  way.how = ({ path, headers }) => {
    if (path === '/api/v1/watch') named.add(headers['x-mc-principal']);
    return undefined;
  };
  way.cut();
  await page.getByRole('dialog', { name: 'Log in again' }).waitFor();
  assert.deepEqual([...named], [principal.id]);
  assert.deepEqual([...way.streams].filter(({ path }) => path.startsWith('/api/v1/watch')), []);
  await loginAgain(page, ann.token);
  await page.locator('.live.live').waitFor({ state: 'attached' });
  well();
  harmless(page);
  await page.context().close();
});

test('while an answer is slow a deed cannot be done twice', async () => {
  const page = await open();
  await page.goto(`${way.base}/ui/missions/apollo`);
  let asked = 0;
  way.how = ({ method, path }) => {
    if (method !== 'PATCH' || !path.includes('/missions/')) return undefined;
    asked += 1;
    return { wait: 900 };
  };
  const pause = page.getByRole('button', { name: 'Pause', exact: true });
  await pause.click();
  assert.ok(await pause.isDisabled());
  await pause.click({ force: true, timeout: 300 }).catch(() => {});
  await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
  assert.equal(asked, 1);
  well();
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await pause.waitFor();
  await page.context().close();
});

test('a request that never answers ends with clear words: what was typed stays, the way on works, and nothing is done twice', async () => {
  // The page waits 30 s for an answer; here they are 2.
  const page = await open({ init: () => { const timeout = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => timeout(ms / 15); } });
  const silent = (method, ending, how) => (way.how = (request) => (request.method === method && request.path.endsWith(ending) ? how : undefined));
  const late = () => page.getByRole('alert').getByText('No answer in time').first().waitFor();
  const task = await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title: 'Grease the hinge' });
  // Reading: it says so, and reads again when asked.
  silent('GET', `/api/v1/tasks/${task.key}`, { never: true });
  await page.goto(`${way.base}/ui/tasks/${task.key}`);
  await late();
  well();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Grease the hinge' }).waitFor();
  // A deed that the server never heard of.
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('no grease is left');
  silent('POST', '/block', { never: true });
  await dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await late();
  assert.equal(await dialog.getByRole('textbox').inputValue(), 'no grease is left');
  well();
  await dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual((({ state, reason }) => [state, reason])(await server.api('GET', `/api/v1/tasks/${task.key}`)), ['blocked', 'no grease is left']);
  // A task that the server makes and says nothing: kept, sent again with its key, made once.
  await page.goto(`${way.base}/ui/new?mission=apollo&kluster=lander`);
  await page.getByLabel('Title', { exact: true }).fill('Made in silence');
  await page.getByLabel('Kluster').selectOption('lander');
  silent('POST', '/api/v1/tasks', { mute: true });
  await page.getByRole('button', { name: 'Create task', exact: true }).click();
  await page.getByText('One write waits to be sent.').waitFor();
  well();
  await page.getByText('One write waits to be sent.').waitFor({ state: 'detached', timeout: 30_000 });
  assert.equal((await server.api('GET', '/api/v1/tasks?mission=apollo&limit=200')).items.filter((one) => one.title === 'Made in silence').length, 1);
  harmless(page);
  await page.context().close();
});

test('a file is stored once, also when the answer is lost; what it overlaps is seen before', async () => {
  await server.api('POST', '/api/v1/missions', { name: 'venus' });
  await server.mc('set', 'policy', 'overlap', '-m', 'venus', '--mode', 'require_ack');
  const named = async (name) => (await server.api('GET', '/api/v1/artifacts?mission=venus&limit=200')).items.filter((one) => one.name === name);
  const page = await open();
  await page.goto(`${way.base}/ui/docs?view=artifacts&mission=venus`);
  const store = async (name, text) => {
    await page.getByRole('button', { name: 'Store a file' }).first().click();
    await page.getByLabel('File', { exact: true }).setInputFiles({ name, mimeType: 'text/markdown', buffer: Buffer.from(text) });
    await page.getByRole('button', { name: 'Store', exact: true }).click();
  };
  wrong('POST', '/artifacts', 0);
  const words = '# Wind limits\n\nThe lander must not touch down in gusts over twelve metres a second, measured on the mast for a minute.\n';
  await store('limits.md', words);
  await said(page, 0);
  well();
  await page.getByRole('button', { name: 'Store', exact: true }).click();
  await page.waitForURL(/\/artifacts\/art_/);
  await page.getByRole('heading', { name: 'Wind limits' }).waitFor();
  const [kept] = await named('limits.md');
  assert.equal((await named('limits.md')).length, 1);
  assert.equal(kept.sha256, createHash('sha256').update(words).digest('hex'));
  await page.goto(`${way.base}/ui/docs?view=artifacts&mission=venus`);
  await store('limits-again.md', words.replace('a minute', 'one minute'));
  const dialog = page.getByRole('dialog');
  await dialog.getByText('limits.md').first().waitFor();
  assert.equal((await named('limits-again.md')).length, 0);
  await dialog.getByRole('button', { name: 'I have seen it, store it all the same' }).click();
  await page.waitForURL(/\/artifacts\/art_/);
  assert.equal((await named('limits-again.md')).length, 1);
  // Refused, in the server's words: it can be given up.
  await page.goto(`${way.base}/ui/docs?view=artifacts&mission=venus`);
  wrong('POST', '/artifacts', 413);
  await store('more.md', '# More');
  await said(page, 413);
  await page.keyboard.press('Escape');
  assert.equal((await named('more.md')).length, 0);
  well();
  harmless(page);
  await page.context().close();
});

test('killed in the middle of a change of mode: what is shown is what the agent works in, and it is told once', async () => {
  const made = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  const at = () => server.api('GET', `/api/v1/sessions/${made.id}`).catch(() => ({}));
  await eventually('it is idle', async () => (await at()).state === 'idle');
  const told = async () => (await server.witness()).filter((one) => one.dir === 'in').map((one) => JSON.parse(one.line)).filter((line) => line.method === 'session/set_mode').map((line) => line.params.modeId);
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/sessions/${made.id}`);
  const choice = page.getByLabel('Mode of the agent');
  const takes = async (mode) => {
    await eventually(`the agent works in ${mode}`, async () => (await at()).mode === mode, 60_000);
    await eventually(`${mode} is shown`, async () => (await choice.inputValue()) === mode && (await choice.isEnabled()), 60_000);
  };
  const choose = async (mode, pid) => {
    const answered = page.waitForResponse((response) => response.url().endsWith('/mode')).catch(() => null);
    await choice.selectOption(mode);
    await answered;
    process.kill(pid, 'SIGKILL');
  };
  // The node daemon dies with the command on its way: the shim has it, or the next daemon brings it.
  await choose('plan', await server.pid('mesh'));
  await takes('plan');
  assert.deepEqual(await told(), ['plan']);
  // The server dies when it has just promised.
  const before = await server.pid('controlplane');
  await choose('default', before);
  await eventually('another one runs', async () => (await server.pid('controlplane').catch(() => before)) !== before && (await fetch(`${server.direct}/readyz`).catch(() => null))?.ok, 40_000);
  await takes('default');
  assert.deepEqual(await told(), ['plan', 'default']);
  // The shim dies, and the agent with it. Nothing was said yet, so the next agent begins anew, in the mode that was chosen.
  const meta = async () => JSON.parse(await readFile(join(server.data, 'node', 'sessions', made.id, 'meta.json'), 'utf8'));
  await choose('plan', (await meta()).shim_pid);
  await eventually('another agent runs', async () => { const now = await meta(); return now.epoch === 2 && now.state === 'idle'; }, 60_000);
  await takes('plan');
  assert.equal((await told()).at(-1), 'plan');
  await page.getByText('The agent began anew').waitFor();
  await page.getByLabel('Prompt').fill('/say on we go');
  await page.getByLabel('Prompt').press('Enter');
  await page.locator('.of-message', { hasText: 'on we go' }).waitFor({ timeout: 30_000 });
  harmless(page);
  await page.context().close();
});

test('the server is killed in the middle of a batch of decisions: asked again, each is made once', async () => {
  const COUNT = 12;
  const keys = [];
  // What agents asked before is not of this batch.
  for (const { id, action_sha256 } of (await server.api('GET', '/api/v1/approvals?state=open&limit=200')).items) await server.api('POST', `/api/v1/approvals/${id}/reject`, { action_sha256 });
  for (let index = 0; index < COUNT; index += 1) {
    const task = await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title: `Plate ${index} ${((index + 3) * 2654435761).toString(36)}`, acknowledge_overlap: [] });
    const { attempt } = await server.api('POST', `/api/v1/tasks/${task.key}/claim`, { lease_seconds: 600 });
    await server.api('POST', `/api/v1/tasks/${task.key}/complete`, { attempt, result: `Plate ${index} is flat.` });
    await server.api('POST', '/api/v1/publications', { mission: 'apollo', entities: [{ entity_type: 'task', entity_id: task.id }] });
    keys.push(task.key);
  }
  const waiting = (await server.api('GET', '/api/v1/approvals?state=open&limit=200')).items;
  assert.equal(waiting.length, COUNT);
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/approvals`);
  await page.getByText('digest recomputed here').waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('a');
  await page.getByText(`${COUNT} chosen`).waitFor();
  await page.keyboard.press('Y');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: `Approve ${COUNT} at once` }).waitFor();
  for (const box of await dialog.getByRole('checkbox').all()) await box.check();
  const pid = await server.pid('controlplane');
  const left = async () => (await server.api('GET', '/api/v1/approvals?state=open&limit=200')).items.length;
  await dialog.getByRole('button', { name: `Approve ${COUNT}` }).click();
  let open = COUNT;
  while (open === COUNT) open = await left();
  process.kill(pid, 'SIGKILL');
  await dialog.getByRole('alert').first().waitFor();
  await eventually('another one runs', async () => (await server.pid('controlplane').catch(() => pid)) !== pid && (await fetch(`${server.direct}/readyz`).catch(() => null))?.ok, 40_000);
  const between = await left();
  console.log(`# killed when ${COUNT - open} of ${COUNT} were decided; ${COUNT - between} were kept`);
  // What was chosen and read is still there: once more.
  await dialog.getByRole('button', { name: /^Approve \d+/ }).click();
  await dialog.waitFor({ state: 'detached', timeout: 30_000 });
  assert.equal(await left(), 0);
  const events = (await server.api('GET', '/api/v1/ledger/events?action=approval.decide&subject_kind=approval&order=desc&limit=200')).items.filter((event) => waiting.some((one) => one.id === event.subject_id));
  assert.equal(events.length, COUNT);
  assert.equal(new Set(events.map((event) => event.subject_id)).size, COUNT);
  const published = await eventually('all are published', async () => {
    const { items } = await server.api('GET', '/api/v1/publications?limit=200');
    return items.filter((one) => one.state === 'published').length === COUNT && items;
  }, 60_000);
  assert.equal(published.length, COUNT);
  harmless(page);
  await page.context().close();
});

test('the server is killed in the middle of a drain: the drain goes on, once, and ends it', async () => {
  const made = await server.api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  await eventually('it is idle', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`)).state === 'idle');
  await server.api('POST', `/api/v1/sessions/${made.id}/prompt`, { text: '/sleep 4000\n/say the turn is over' });
  await eventually('it works', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`)).state === 'running');
  const { items: [node] } = await server.api('GET', '/api/v1/nodes');
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/nodes`);
  await page.getByRole('button', { name: 'Drain…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: `Copy the command: mc node drain ${node.name}` }).waitFor();
  await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
  await page.getByText('draining', { exact: true }).waitFor();
  const pid = await server.pid('controlplane');
  process.kill(pid, 'SIGKILL');
  await page.getByText('The server does not answer.').waitFor();
  await page.locator('.live.live').waitFor({ state: 'attached', timeout: 40_000 });
  await page.getByText('draining', { exact: true }).waitFor();
  // What runs goes on to its end; then it is stopped, and the node is drained.
  await eventually('its turn is over', async () => (await server.api('GET', `/api/v1/sessions/${made.id}`).catch(() => ({}))).state === 'idle', 40_000);
  for (const session of (await server.api('GET', '/api/v1/sessions?limit=100')).items) if (!['stopped', 'failed'].includes(session.state)) await server.api('POST', `/api/v1/sessions/${session.id}/stop`);
  await page.getByText('drained', { exact: true }).waitFor({ timeout: 40_000 });
  // Its turn was not cut off.
  const events = (await server.api('GET', `/api/v1/sessions/${made.id}/conversation`)).items;
  assert.ok(events.some((item) => item.kind === 'message' && item.text.includes('the turn is over')));
  assert.ok(events.some((item) => item.kind === 'turn_end' && item.outcome === 'end_turn'));
  const count = async (action) => (await server.api('GET', `/api/v1/ledger/events?subject=${node.id}&action=${action}`)).items.length;
  assert.deepEqual([await count('node.manage'), await count('node.drained')], [1, 1]);
  await page.getByRole('button', { name: 'Uncordon', exact: true }).click();
  await eventually('it takes work again', async () => { const now = await server.api('GET', `/api/v1/nodes/${node.id}`); return !now.draining && !now.cordoned; });
  harmless(page);
  await page.context().close();
});
