// Parts of screens: changing a task against what was seen, logins, search and its preview, the ledger and its publications,
// policies, limits; and that what is looked at stands in the address.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { press, push, tab } from './hands.mjs';
import { browse, eventually, harmless, login, up } from './harness.mjs';

let server, browser;
before(async () => {
  server = await up();
  browser = await browse();
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  for (const name of ['survey', 'lander']) await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name });
});
after(async () => {
  await browser?.close();
  await server?.down();
});
const task = (key) => server.api('GET', `/api/v1/tasks/${key}`);
const make = (title, more = {}) => server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title, ...more });
const patch = async (path, body) => {
  const response = await fetch(`${server.direct}/api/v1${path}`, { method: 'PATCH', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/merge-patch+json' }, body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
};

test('a task is changed with what it waits for; what somebody else changed meanwhile is shown, and nothing of it is lost', async () => {
  const [first, second] = [await make('Fuel the stage'), await make('Lift off', { labels: { area: 'pad' } })];
  const page = await browser.page(server);
  const dialog = page.getByRole('dialog');
  await page.goto(`${server.base}/ui/tasks/${second.key}`);
  await page.getByRole('heading', { name: 'Lift off' }).waitFor();
  await press(page, 'e');
  await tab(page, 'textbox', 'Labels, one a line', dialog);
  await press(page, 'Control+End');
  await page.keyboard.type('\nteam=blue');
  // Its number alone is a key; Enter chooses and does not save, Escape closes the list and not the dialog.
  await tab(page, 'combobox', 'Waits for', dialog);
  await page.keyboard.type(first.key.split('-').at(-1));
  const option = dialog.getByRole('listbox').getByRole('option', { name: new RegExp(first.key) });
  await option.waitFor();
  await press(page, 'Escape');
  await option.waitFor({ state: 'detached' });
  await press(page, 'ArrowDown');
  await option.waitFor();
  await press(page, 'Enter');
  await dialog.getByRole('button', { name: `Do not wait for ${first.key}` }).waitFor();
  assert.deepEqual((await task(second.key)).depends_on, []);
  await patch(`/tasks/${second.key}`, { title: 'Lift off at dawn', priority: 70 });
  await push(page, 'button', 'Save', dialog);
  await dialog.getByText('Somebody changed it while you wrote.').waitFor();
  await dialog.getByText('Lift off at dawn').waitFor();
  await push(page, 'button', 'Keep mine on top', dialog);
  assert.equal(await dialog.getByLabel('Title', { exact: true }).inputValue(), 'Lift off at dawn');
  await push(page, 'button', 'Save', dialog);
  await eventually('both changes stand', async () => {
    const now = await task(second.key);
    return now.title === 'Lift off at dawn' && now.priority === 70 && now.labels.team === 'blue' && now.labels.area === 'pad' && now.depends_on[0]?.key === first.key && now.state === 'pending';
  });
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'z');
  await eventually('only what was changed here is taken back', async () => {
    const now = await task(second.key);
    return now.title === 'Lift off at dawn' && now.depends_on.length === 0 && !now.labels.team && now.labels.area === 'pad';
  });
  harmless(page);
  await page.context().close();
});

test('a dialog of a task that is left by Escape has what was typed when it is opened again', async () => {
  const { key } = await make('Warm up the radio');
  const page = await browser.page(server);
  const dialog = page.getByRole('dialog');
  await page.goto(`${server.base}/ui/tasks/${key}`);
  await page.getByRole('heading', { name: 'Warm up the radio' }).waitFor();
  await press(page, 'e');
  const text = dialog.getByLabel('Description', { exact: true });
  await text.fill('Ten minutes before.');
  await press(page, 'Escape');
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'e');
  await dialog.getByText('What you typed here before is still there.').waitFor();
  assert.equal(await text.inputValue(), 'Ten minutes before.');
  await push(page, 'button', 'Save', dialog);
  await eventually('it is saved', async () => (await task(key)).description === 'Ten minutes before.');
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'e');
  await text.waitFor();
  assert.equal(await dialog.getByText('What you typed here before is still there.').count(), 0);
  await press(page, 'Escape');
  harmless(page);
  await page.context().close();
});

test('whoever may only read ends one of their own logins, makes another, and sees it once', async () => {
  const ask = (body) => server.api('POST', '/api/v1/auth/login', body);
  const [here, there] = [await ask({ principal: 'reader', role: 'viewer' }), await ask({ principal: 'reader' })];
  const page = await browser.page(server, { token: null });
  await login(page, server, here.token);
  await page.goto(`${server.base}/ui/settings`);
  const dialog = page.getByRole('dialog');
  await page.getByRole('region', { name: 'Runtimes' }).getByText('scripted').first().waitFor();
  await push(page, 'button', `End the login …${there.id.slice(-6)}`);
  await push(page, 'button', 'End it for good');
  await eventually('it has ended', async () => (await fetch(`${server.direct}/api/v1/auth/whoami`, { headers: { authorization: `Bearer ${there.token}` } })).status === 401);
  await push(page, 'button', 'Another one…');
  await push(page, 'button', 'Make the login', dialog);
  const token = await dialog.getByRole('textbox', { name: 'Token' }).inputValue();
  const who = await (await fetch(`${server.direct}/api/v1/auth/whoami`, { headers: { authorization: `Bearer ${token}` } })).json();
  assert.equal(who.principal.name, 'reader');
  await press(page, 'Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.documentElement.outerHTML)).includes(token));
  harmless(page);
  await page.context().close();
});

test('search is narrowed, walked by keys with what is found beside it, and opened again from its address', async () => {
  await make('Align the radar dish', { description: 'Turn the radar until it sees the ridge.', labels: { area: 'radar' } });
  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Polish the radar glass', description: 'With a soft cloth.', labels: { area: 'glass' }, acknowledge_overlap: [] });
  const page = await browser.page(server);
  const [list, preview] = [page.getByRole('list', { name: 'What was found' }), page.getByLabel('Preview')];
  await press(page, '/');
  await page.waitForURL(/\/ui\/search/);
  await page.keyboard.type('radar');
  await eventually('both are found', async () => (await list.getByRole('link', { name: /radar/ }).count()) >= 2);
  await press(page, 'Escape', 'j');
  await eventually('the first is looked at', async () => /at=task_/.test(page.url()));
  const first = page.url();
  await press(page, 'j');
  await eventually('the next is looked at', async () => page.url() !== first && /at=task_/.test(page.url()));
  await preview.getByText(/until it sees the ridge|With a soft cloth/).waitFor();
  await press(page, 'k');
  await eventually('the first again', async () => page.url() === first);
  await page.getByLabel('Mission', { exact: true }).selectOption('apollo');
  await page.getByLabel('Kluster', { exact: true }).selectOption('survey');
  await preview.getByText('With a soft cloth.').waitFor();
  await eventually('one is left', async () => (await list.getByRole('link', { name: /radar/ }).count()) === 1);
  await page.getByLabel('Kluster', { exact: true }).selectOption('');
  await page.getByLabel('Labels', { exact: true }).fill('area=radar');
  await page.getByLabel('Labels', { exact: true }).press('Enter');
  await preview.getByText('until it sees the ridge').waitFor();
  await page.getByLabel('State', { exact: true }).selectOption('ready');
  await page.getByLabel('before', { exact: true }).fill('2020-01-01');
  await page.getByText('Nothing was found for').waitFor();
  await page.reload();
  assert.deepEqual([await page.getByLabel('Labels', { exact: true }).inputValue(), await page.getByLabel('State', { exact: true }).inputValue(), await page.getByLabel('before', { exact: true }).inputValue()], ['area=radar', 'ready', '2020-01-01']);
  await page.getByRole('button', { name: 'No filter' }).click();
  await eventually('both are found again', async () => (await list.getByRole('link', { name: /radar/ }).count()) >= 2);
  harmless(page);
  await page.context().close();
});

test('a publication that fails is tried again, one that waits is withdrawn, and an event names the commit that carries it', async () => {
  await server.api('POST', '/api/v1/connections', { name: 'here', connection_kind: 'local', url: server.home });
  await server.api('POST', '/api/v1/bindings', { name: 'book', mission: 'apollo', connection: 'here', repository: 'book.git' });
  const page = await browser.page(server);
  const dialog = page.getByRole('dialog');

  // Where it goes to is set by hand, and taken back, and set again.
  await page.goto(`${server.base}/ui/admin?view=policies`);
  const policy = () => server.api('GET', '/api/v1/publication-policies/apollo');
  const set = async () => {
    await push(page, 'button', 'Change… what apollo publishes where');
    await dialog.getByLabel('What no route fits goes to').selectOption('book');
    await push(page, 'button', 'Add a route', dialog);
    await dialog.getByRole('checkbox', { name: 'doc', exact: true }).check();
    await dialog.getByRole('combobox', { name: /^Goes to/ }).selectOption('');
    await dialog.getByRole('region', { name: /^Changes/ }).getByText('"default_binding": "book"').waitFor();
    await push(page, 'button', 'Put in force', dialog);
    await eventually('it is in force', async () => { const { default_binding, routes } = await policy(); return default_binding === 'book' && routes.length === 1 && routes[0].entities[0] === 'doc'; });
    await dialog.waitFor({ state: 'detached' });
  };
  await set();
  await press(page, 'z');
  await eventually('it is as it was', async () => { const { default_binding, routes } = await policy(); return !default_binding && routes.length === 0; });
  await set();

  const publish = async (key) => {
    const { id } = await task(key);
    return server.api('POST', '/api/v1/publications', { mission: 'apollo', entities: [{ entity_type: 'task', entity_id: id }] });
  };
  const { key } = await make('Write the log');
  const asked = await publish(key);
  const { action_sha256 } = await server.api('GET', `/api/v1/approvals/${asked.approval_id}`);
  await server.api('POST', `/api/v1/approvals/${asked.approval_id}/approve`, { action_sha256 });
  await eventually('it failed', async () => (await server.api('GET', `/api/v1/publications/${asked.id}`)).last_error);
  await press(page, 'g', 'l');
  const there = page.getByRole('region', { name: 'Published to Git' });
  const [again] = await Promise.all([page.waitForResponse((answer) => answer.url().endsWith(`/publications/${asked.id}/retry`)), push(page, 'button', 'Try again', there)]);
  assert.equal(again.status(), 200);
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(server.home, 'book.git')]);
  const done = await eventually('it is published', async () => {
    const now = await server.api('GET', `/api/v1/publications/${asked.id}`);
    return now.state === 'published' && now;
  }, 40_000);
  await there.getByRole('button', { name: `Copy the commit ${done.commit}` }).waitFor();

  // An event is chosen: the address names it, and it names its commit.
  await page.goto(`${server.base}/ui/ledger?subject=${(await task(key)).id}`);
  const list = page.getByRole('list', { name: 'Events, newest first' });
  await list.getByRole('button').last().click();
  const event = page.getByRole('region', { name: /^Event \d/ });
  await event.getByRole('button', { name: `Copy the commit ${done.commit}` }).waitFor();
  await page.waitForURL(/at=\d+/);
  const name = await event.getByRole('heading').first().textContent();
  await page.reload();
  await page.getByRole('region', { name: name.trim() }).waitFor();

  const waits = await publish((await make('Write the other log')).key);
  await page.goto(`${server.base}/ui/ledger`);
  await push(page, 'button', 'Withdraw…', there);
  await push(page, 'button', 'Withdraw', dialog);
  await eventually('it is withdrawn', async () => (await server.api('GET', `/api/v1/publications/${waits.id}`)).state === 'withdrawn');
  harmless(page);
  await page.context().close();
});

test('what is read once is read again when the page is shown again', async () => {
  const page = await browser.page(server);
  const again = (of) => of.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  const list = page.getByRole('list', { name: 'Events, newest first' });
  const count = async () => Number(await list.getByRole('listitem').first().getAttribute('aria-setsize'));
  await page.goto(`${server.base}/ui/ledger?kind=kluster`);
  await list.getByRole('listitem').first().waitFor();
  const before = await count();
  await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name: 'orbit' });
  await eventually('the new event is on top', async () => { await again(page); return (await count()) === before + 1; });
  harmless(page);
  await page.context().close();

  const login = (more = {}) => server.api('POST', '/api/v1/auth/login', { principal: 'visitor', ...more });
  const here = await login({ role: 'viewer' });
  const own = await browser.page(server, { token: here.token });
  await own.goto(`${server.base}/ui/settings`);
  await own.getByText(`…${here.id.slice(-6)}`, { exact: true }).waitFor();
  const there = await login();
  await eventually('the new login is there', async () => { await again(own); return own.getByText(`…${there.id.slice(-6)}`, { exact: true }).isVisible(); });
  harmless(own);
  await own.context().close();
});

test('how many run at once is set in the lane, against what was seen, and taken back', async () => {
  const most = async () => (await server.api('GET', '/api/v1/klusters/lander?mission=apollo')).max_running ?? null;
  await make('Check the hatch');
  const page = await browser.page(server);
  const dialog = page.getByRole('dialog');
  await page.goto(`${server.base}/ui/missions/apollo/lander`);
  await push(page, 'button', 'limit…', page.getByRole('group', { name: /^Running/ }));
  await tab(page, 'spinbutton', /^At most/, dialog);
  await page.keyboard.type('3');
  await push(page, 'button', 'Put in force', dialog);
  await eventually('it is set', async () => (await most()) === 3);
  await page.getByText('0 of 3').waitFor();
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'z');
  await eventually('it is taken back', async () => (await most()) === null);
  harmless(page);
  await page.context().close();
});

test('what is looked at stands in the address, and comes back with it', async () => {
  const doc = await server.api('POST', '/api/v1/docs', { mission: 'apollo', name: 'rules', title: 'Rules', content: 'One.\n' });
  for (const [base_version, content] of [[1, 'Two.\n'], [2, 'Three.\n']]) await server.api('POST', `/api/v1/docs/${doc.id}/versions`, { base_version, content, note: '' });
  const page = await browser.page(server);
  const open = (path) => page.goto(`${server.base}/ui${path}`);
  await open(`/docs/${doc.id}`);
  await page.getByRole('tab', { name: /^Changes since/ }).click();
  await page.getByLabel('Compare with').selectOption('1');
  await page.waitForURL(/view=diff&against=1/);
  await page.reload();
  await page.getByText('rules: 1 → 3').waitFor();
  await page.getByRole('button', { name: /^2\b/ }).click();
  await page.waitForURL(/version=2/);
  await page.getByRole('tab', { name: 'Read' }).click();
  await page.reload();
  await page.getByRole('article').getByText('Two.').waitFor();

  await open('/sessions');
  await page.getByRole('tab', { name: 'Ended' }).click();
  await page.waitForURL(/view=ended/);
  await page.reload();
  await page.getByRole('tab', { name: 'Ended', selected: true }).waitFor();
  await open('/approvals');
  await page.getByRole('tab', { name: 'Decided' }).click();
  await page.waitForURL(/view=decided/);
  await page.reload();
  await page.getByRole('tab', { name: 'Decided', selected: true }).waitFor();
  await open('/docs?mission=apollo');
  await page.getByRole('tab', { name: 'Artifacts' }).click();
  await page.waitForURL(/view=artifacts&mission=apollo/);

  await open('/missions/apollo/lander');
  await page.getByLabel('Filter tasks').fill('radar');
  await page.waitForURL(/q=radar/);
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await page.waitForURL(/view=list&q=radar/);
  await page.reload();
  await page.getByRole('link', { name: /radar dish/ }).waitFor();
  assert.equal(await page.getByLabel('Filter tasks').inputValue(), 'radar');
  assert.equal(await page.getByRole('link', { name: /Check the hatch/ }).count(), 0);

  await open('/admin');
  await page.getByLabel('Filter by role').selectOption('viewer');
  await page.getByLabel('Filter by name').fill('read');
  await page.waitForURL(/role=viewer&q=read/);
  await page.reload();
  await page.getByText('1 member', { exact: true }).waitFor();
  harmless(page);
  await page.context().close();
});
