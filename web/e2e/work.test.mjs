// Work on the board, in the graph, in the inbox and by admins; and the demo on a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, eventually, harmless, login, up } from './harness.mjs';

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
const make = (title, more = {}) => server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title, ...more });
const state = async (key) => (await server.api('GET', `/api/v1/tasks/${key}`)).state;

test('a card is moved by keyboard, by mouse and by its menu; what the rules refuse stays; undo takes it back', async () => {
  const task = await make('Rehearse the abort');
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/missions/apollo/lander`);
  const card = page.locator(`a[href$="/tasks/${task.key}"]`);
  await card.focus();
  await page.keyboard.press('Shift+ArrowLeft');
  const why = page.getByRole('dialog').getByRole('textbox');
  await why.fill('waits for the simulator');
  await page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  await eventually('it is blocked', async () => (await state(task.key)) === 'blocked');
  await page.getByRole('group', { name: /^Waiting: 1/ }).getByText('Rehearse the abort').waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('z');
  await eventually('it is taken back', async () => (await state(task.key)) === 'ready');
  // Nobody moves a task into "running" by hand.
  await card.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel task', exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await card.dragTo(page.getByRole('group', { name: /^Done/ }));
  await page.getByText(`${task.key} is ready: it cannot be moved there`).waitFor();
  assert.equal(await state(task.key), 'ready');
  await card.dragTo(page.getByRole('group', { name: /^Failed or cancelled/ }));
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel task', exact: true }).click();
  await eventually('it is cancelled', async () => (await state(task.key)) === 'cancelled');
  harmless(page);
  await page.context().close();
});

test('what somebody else changed meanwhile is not taken back, and that is said', async () => {
  const task = await make('Check the seals');
  const { items: [node] } = await server.api('GET', '/api/v1/nodes');
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/tasks/${task.key}`);
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('waits for new ones');
  await dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await server.api('PATCH', `/api/v1/tasks/${task.key}`, { priority: 83 });
  // Also when the page has seen the change.
  await page.getByRole('region', { name: 'Facts' }).getByText('83', { exact: true }).waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('z');
  await page.getByText(`${task.key}: not taken back`).waitFor();
  assert.equal(await state(task.key), 'blocked');

  await page.goto(`${server.base}/ui/nodes`);
  await page.getByRole('button', { name: 'Cordon', exact: true }).click();
  await page.getByText(`${node.name} takes nothing new`).waitFor();
  await server.api('POST', `/api/v1/nodes/${node.id}/drain`);
  await page.locator('main').focus();
  await page.keyboard.press('z');
  await page.getByText(`${node.name}: not taken back`).waitFor();
  assert.equal((await server.api('GET', `/api/v1/nodes/${node.id}`)).draining, true);
  await server.api('POST', `/api/v1/nodes/${node.id}/uncordon`);
  harmless(page);
  await page.context().close();
});

test('the graph is walked by keyboard, narrowed to what hangs together, and leads to the task', async () => {
  const [a, b] = [await make('Fuel the stage'), await make('Load the plan')];
  const c = await make('Lift off', { depends_on: [a.key, b.key] });
  await make('Paint the tower');
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/missions/apollo/lander?view=graph`);
  const canvas = page.locator('canvas[data-ready]');
  await canvas.focus();
  await page.keyboard.press('Home');
  const about = page.locator('.about');
  await about.waitFor();
  for (let step = 0; step < 6 && !(await about.textContent()).includes(a.key); step += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await about.getByText('Lift off').waitFor();
  await about.getByText('waits for 2, holds up 0').waitFor();
  await page.keyboard.press('o');
  await page.waitForURL(/focus=apollo/);
  await page.locator('canvas[data-nodes="3"]').waitFor();
  await page.getByText('The same as a list').click();
  await page.getByRole('list', { name: /order of their dependencies/ }).getByText(`waits for ${a.key}, ${b.key}`).waitFor();
  await canvas.focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(`/tasks/${c.key}$`));
  harmless(page);
  await page.context().close();
});

test('a graph of 450 tasks is laid out beside the page', async () => {
  await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name: 'plates' });
  for (let from = 0; from < 450; from += 150) {
    const rows = Array.from({ length: 150 }, (_, index) => ({ line: from + index + 1, external_id: `p${from + index}`, title: `Plate ${from + index}: ${((from + index + 1) * 2654435761).toString(36)}`, depends_on: from + index ? [`p${(from + index) >> 1}`] : [] }));
    await server.api('POST', '/api/v1/tasks/import', { mission: 'apollo', kluster: 'plates', source: 'test', rows });
  }
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/missions/apollo/plates?view=graph`);
  await page.locator('canvas[data-ready][data-nodes="450"]').waitFor();
  // All of it is in view: in its middle there is something that can be clicked.
  const box = await page.locator('canvas').boundingBox();
  await eventually('a task is hit', async () => {
    for (const [x, y] of [[0.5, 0.5], [0.3, 0.5], [0.7, 0.5], [0.1, 0.5], [0.9, 0.5], [0.8, 0.4]]) {
      await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
      if (await page.locator('.about').count()) return true;
    }
    return false;
  });
  await page.locator('canvas').focus();
  await page.keyboard.press('Home');
  await page.locator('.about').getByText('waits for 0').waitFor();
  harmless(page);
  await page.context().close();
});

test('several decisions at once: each bound to its own action, a grave one named; one that was decided elsewhere fails alone', async () => {
  for (const name of ['one', 'two', 'three']) await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: `Draw map ${name}`, description: `/ask draw ${name}.svg`, acknowledge_overlap: [] });
  const waiting = await eventually('three ask', async () => {
    const { items } = await server.api('GET', '/api/v1/approvals?state=open');
    return items.length === 3 && items;
  }, 40_000);
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/approvals`);
  await page.getByText('digest recomputed here').waitFor();
  assert.match(await page.title(), /^\(3\)/);
  await page.locator('main').focus();
  await page.keyboard.press('a');
  await page.getByText('3 chosen').waitFor();
  await page.keyboard.press('Y');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'Approve 3 at once' }).waitFor();
  for (const box of await dialog.getByRole('checkbox').all()) await box.check();
  await server.api('POST', `/api/v1/approvals/${waiting[0].id}/reject`, {});
  await dialog.getByRole('button', { name: /^Approve \d/ }).click();
  await eventually('two are approved, one rejected', async () => {
    const { items } = await server.api('GET', '/api/v1/approvals');
    const count = (word) => items.filter((one) => waiting.some((held) => held.id === one.id) && one.state === word).length;
    return items.every((one) => one.state !== 'open') && items.find((one) => one.id === waiting[0].id).decider_id && count('rejected') <= 1;
  });
  assert.equal((await server.api('GET', `/api/v1/approvals/${waiting[0].id}`)).token ?? null, null);
  await page.keyboard.press('Escape');
  await page.context().close();
});

test('overlapping work is compared side by side, dismissed with a reason', async () => {
  const one = await make('Parse telemetry frames of the descent radar', { description: 'Frames are 64 bytes, big endian, with a CRC.', paths: ['src/radar/**'] });
  const two = await make('Read telemetry frames from the descent radar', { description: 'The radar sends frames of 64 bytes; read and check them.', paths: ['src/radar/frame.rs'], acknowledge_overlap: [one.id] });
  const page = await browser.page(server);
  await page.goto(`${server.base}/ui/tasks/${two.key}`);
  await page.getByRole('button', { name: 'Side by side' }).first().click();
  await page.getByRole('region', { name: 'The other one' }).getByText('big endian').waitFor();
  await page.getByRole('region', { name: 'This one' }).locator('mark', { hasText: 'frames' }).first().waitFor();
  await page.getByRole('button', { name: 'different work…' }).first().click();
  await page.getByLabel('Why it is different work').fill('one parses, one reads');
  await page.keyboard.press('Enter');
  await eventually('it is dismissed', async () => (await server.api('GET', `/api/v1/overlaps?task=${two.id}`)).items.some((held) => held.state === 'dismissed'));
  harmless(page);
  await page.context().close();
});

test('each deed offers its command, also in a menu, in a row and in a small card, which says how grave it is and why it is asked', async () => {
  const page = await browser.page(server, { permissions: ['clipboard-read', 'clipboard-write'] });
  const offers = (command, within = page) => within.getByRole(/^mc task/.test(command) ? 'menuitem' : 'button', { name: `Copy the command: ${command}`, exact: true });
  const task = await make('Wait for the crane');
  await server.api('POST', `/api/v1/tasks/${task.key}/block`, { note: 'no crane' });
  await page.goto(`${server.base}/ui/missions/apollo/lander`);
  await page.locator(`a[href$="/tasks/${task.key}"]`).focus();
  await page.keyboard.press('m');
  await offers(`mc task cancel ${task.key}`).waitFor();
  await offers(`mc task unblock ${task.key}`).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `mc task unblock ${task.key}`);
  assert.equal(await state(task.key), 'blocked');

  const radio = { description: 'The radio of the rover is tuned to the orbiter by a table of forty channels.' };
  const one = await make('Tune the radio of the rover to the orbiter', radio);
  const two = await make('Tune the radio of the rover to the orbiter again', { ...radio, acknowledge_overlap: [one.id] });
  const { items: [found] } = await server.api('GET', `/api/v1/overlaps?task=${two.id}&limit=50`);
  await page.goto(`${server.base}/ui/tasks/${two.key}`);
  await page.getByRole('region', { name: 'Overlapping work' }).getByRole('button', { name: 'The same with mc' }).first().click();
  for (const as of ['link', 'merge', 'wait']) await offers(`mc overlap accept ${found.id} --as ${as}`).waitFor();

  const { items: [node] } = await server.api('GET', '/api/v1/nodes');
  await page.goto(`${server.base}/ui/nodes`);
  await offers(`mc node cordon ${node.name}`).waitFor();

  await server.api('POST', '/api/v1/principals', { name: 'grace', principal_kind: 'user', role: 'viewer' });
  const token = await server.api('POST', '/api/v1/join-tokens', { uses: 1 });
  await page.goto(`${server.base}/ui/admin`);
  await offers('mc set role grace viewer').waitFor();
  await page.goto(`${server.base}/ui/admin?view=tokens`);
  await offers(`mc node token revoke ${token.id}`).waitFor();

  await server.api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'survey', title: 'Sign the log', description: '/ask sign the log', acknowledge_overlap: [] });
  const waiting = await eventually('it asks', async () => (await server.api('GET', '/api/v1/approvals?state=open')).items[0], 40_000);
  await page.goto(`${server.base}/ui/`);
  const card = page.getByRole('article', { name: `Approval: ${waiting.title}` });
  await card.getByText(waiting.review.risk_reason).waitFor();
  await card.getByText(waiting.review.policy.split('. ')[0]).waitFor();
  await card.getByRole('button', { name: 'The same with mc' }).click();
  const bound = `--action-sha256 ${waiting.action_sha256}`;
  for (const command of [`mc approve ${waiting.id} ${bound}`, `mc reject ${waiting.id} ${bound}`, `mc approve ${waiting.id} --option allow_always ${bound}`]) await offers(command, page.getByRole('dialog')).waitFor();
  await server.api('POST', `/api/v1/approvals/${waiting.id}/reject`, {});
  harmless(page);
  await page.context().close();
});

test('an admin adds somebody, gives and takes roles, changes a policy against the version that was seen', async () => {
  const page = await browser.page(server);
  await page.keyboard.press('g');
  await page.keyboard.press('p');
  await page.getByRole('heading', { name: 'Admin' }).waitFor();
  await page.getByRole('button', { name: 'Add somebody' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('ann');
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  const role = page.getByLabel('Role of ann in the organization');
  await role.selectOption('contributor');
  const ann = async () => (await server.api('GET', '/api/v1/principals?limit=100')).items.find((held) => held.name === 'ann');
  await eventually('the role is given', async () => (await ann())?.role === 'contributor');
  await page.getByRole('button', { name: /^Undo/ }).first().click();
  await eventually('the role is as before', async () => (await ann())?.role === 'viewer');
  await page.getByRole('tab', { name: 'Policies' }).click();
  await page.getByRole('button', { name: 'Change…' }).first().click();
  await page.getByRole('radio', { name: /Ask to have seen it/ }).check();
  // Somebody else changes the mission meanwhile: the change is refused, not lost.
  const mission = await server.api('GET', '/api/v1/missions/apollo');
  await fetch(`${server.direct}/api/v1/missions/apollo`, { method: 'PATCH', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/merge-patch+json', 'if-match': `"${mission.version}"` }, body: '{"description":"To the moon"}' });
  await page.getByRole('button', { name: 'Put in force' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Change…' }).first().click();
  await page.getByRole('radio', { name: /Ask to have seen it/ }).check();
  await page.getByRole('button', { name: 'Put in force' }).click();
  await eventually('it is in force', async () => (await server.api('GET', '/api/v1/missions/apollo')).overlap_policy?.mode === 'require_ack');
  // Not offered to others.
  const { token } = await server.api('POST', '/api/v1/auth/login', { principal: 'reader', role: 'viewer' });
  const other = await browser.page(server, { token: null });
  await login(other, server, token);
  assert.equal(await other.getByRole('link', { name: 'Admin' }).count(), 0);
  await other.goto(`${server.base}/ui/admin`);
  await other.getByText('This is for admins').waitFor();
  harmless(page);
  await page.context().close();
  await other.context().close();
});

test('the demo on a phone, by finger: two tasks of which one waits, a conversation, and what somebody else lets be published', async () => {
  const page = await browser.page(server, { phone: true });
  const [bar, dialog] = [page.getByRole('navigation', { name: 'Main places' }), page.getByRole('dialog')];
  const more = async (on, name) => {
    await on.getByRole('navigation', { name: 'Main places' }).getByText('More').tap();
    await on.locator('.sheet').getByText(name, { exact: true }).tap();
  };
  const fits = async () => assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, page.url());
  await bar.getByText('Missions').tap();
  await page.getByRole('button', { name: 'New mission', exact: true }).tap();
  await page.getByRole('textbox', { name: 'Name' }).fill('mercury');
  await page.getByRole('button', { name: 'Create mission', exact: true }).tap();
  await page.getByRole('button', { name: 'New kluster', exact: true }).tap();
  await page.getByRole('textbox', { name: 'Name' }).fill('orbit');
  await page.getByLabel('Runtime of its tasks').selectOption('scripted');
  await page.getByRole('button', { name: 'Create kluster', exact: true }).tap();
  await page.getByText('No task yet').waitFor();
  await page.getByRole('link', { name: 'New task' }).first().tap();
  await page.getByLabel('Title', { exact: true }).fill('Count the orbits');
  await page.getByLabel('Description').fill('/ask write orbits.md\n/say Three orbits.');
  await page.getByRole('button', { name: 'Create task', exact: true }).tap();
  await page.waitForURL(/\/ui\/tasks\/mercury-1$/);
  await more(page, 'New task');
  await page.waitForURL(/\/ui\/new/);
  await page.getByLabel('Title', { exact: true }).fill('Choose one of them');
  await page.getByLabel('Description').fill('/say The second.');
  await page.getByRole('combobox', { name: 'Mission' }).selectOption('mercury');
  await page.getByRole('combobox', { name: 'Waits for' }).tap();
  await page.getByRole('option', { name: /mercury-1/ }).tap();
  await page.getByRole('button', { name: 'Do not wait for mercury-1' }).waitFor();
  await fits();
  await page.getByRole('button', { name: 'Create task', exact: true }).tap();
  await page.waitForURL(/\/ui\/tasks\/mercury-2$/);
  assert.equal(await state('mercury-2'), 'pending');

  // What is written is changed.
  await page.getByRole('button', { name: 'Change…' }).tap();
  await dialog.getByLabel(/^Priority/).fill('80');
  await fits();
  await dialog.getByRole('button', { name: 'Save', exact: true }).tap();
  await eventually('it has another priority', async () => (await server.api('GET', '/api/v1/tasks/mercury-2')).priority === 80);

  await bar.getByText('Approvals').tap();
  await page.getByRole('button', { name: /^Approve/ }).first().tap();
  await page.getByText('carry out mercury-2').first().waitFor();
  await page.getByRole('button', { name: /^Approve/ }).first().tap();
  await eventually('both tasks are done', async () => (await state('mercury-2')) === 'done', 60_000);

  // An agent without a task is talked to, and answered.
  await bar.getByText('Sessions').tap();
  await page.getByRole('button', { name: 'New session', exact: true }).tap();
  await dialog.getByRole('combobox', { name: 'Mission' }).selectOption('mercury');
  await dialog.getByRole('button', { name: 'Start', exact: true }).tap();
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await page.getByLabel('Prompt').fill('/ask draw an orbit');
  await page.getByRole('button', { name: 'Send' }).tap();
  await page.getByRole('button', { name: /^Approve/ }).first().waitFor();
  await bar.getByText('Approvals').tap();
  await page.getByText('digest recomputed here').waitFor();
  await page.getByRole('button', { name: /^Approve/ }).first().tap();
  await page.getByText('Nothing waits for a decision').waitFor();

  // The result is to be published.
  await bar.getByText('Missions').tap();
  await page.getByRole('link', { name: /^mercury/ }).tap();
  await page.getByRole('link', { name: /^orbit/ }).tap();
  await page.getByRole('link', { name: /Count the orbits/ }).tap();
  await page.getByText('Three orbits.').first().waitFor();
  await page.getByRole('button', { name: 'Publish', exact: true }).tap();
  await page.getByText('An approval is asked for').waitFor();

  // Somebody else decides, on a phone of their own.
  await more(page, 'Admin');
  await page.getByRole('tab', { name: 'Tokens' }).tap();
  await page.getByRole('button', { name: 'Make a login', exact: true }).tap();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('approver');
  await dialog.getByRole('button', { name: 'Make the login', exact: true }).tap();
  const token = await dialog.getByRole('textbox', { name: 'Token' }).inputValue();
  await fits();
  await dialog.getByRole('button', { name: 'Done', exact: true }).tap();
  const other = await browser.page(server, { phone: true, token: null });
  await other.goto(`${server.base}/ui/`);
  await other.getByLabel('Token', { exact: true }).fill(token);
  await other.getByRole('button', { name: 'Log in', exact: true }).tap();
  await other.getByRole('navigation', { name: 'Main places' }).getByText('Approvals').tap();
  // Not the small card on Home, which goes away.
  await other.waitForURL(/\/ui\/approvals/);
  await other.getByText('digest recomputed here').waitFor();
  await other.getByRole('button', { name: /^Approve/ }).first().tap();
  await other.getByText('Approve for good?').waitFor();
  await other.getByRole('button', { name: /^Approve/ }).first().tap();
  const published = await eventually('it is published', async () => {
    const [found] = (await server.api('GET', '/api/v1/publications?mission=mercury')).items;
    return found?.state === 'published' && found;
  }, 40_000);
  const decided = await server.api('GET', `/api/v1/approvals/${published.approval_id}`);
  assert.deepEqual([decided.decider, decided.self_approved], ['approver', false]);
  harmless(other);
  await other.context().close();

  await more(page, 'Ledger');
  await page.getByRole('button', { name: 'Verify', exact: true }).tap();
  await page.getByText('every link holds, every body fits its digest').waitFor();
  await fits();
  harmless(page);
  await page.context().close();
});
