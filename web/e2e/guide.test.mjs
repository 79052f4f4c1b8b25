// The places of the guide (docs/guides/web-ui.md) without a terminal: by keyboard alone, where everything is reached by Tab,
// arrows and the keys that `?` shows; and on a phone, by finger.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { choose, press, push, tab, write } from './hands.mjs';
import { browse, eventually, harmless, up } from './harness.mjs';

let server, browser;
before(async () => {
  server = await up();
  browser = await browse();
  await server.api('POST', '/api/v1/missions', { name: 'apollo' });
  for (const [name, runtime] of [['survey', 'scripted'], ['lander', null]]) await server.api('POST', '/api/v1/klusters', { mission: 'apollo', name, runtime });
  await server.api('POST', '/api/v1/principals', { name: 'ann', principal_kind: 'user', role: 'viewer' });
});
after(async () => {
  await browser?.close();
  await server?.down();
});
const task = (key) => server.api('GET', `/api/v1/tasks/${key}`);
const node = async () => (await server.api('GET', '/api/v1/nodes')).items[0];
const ended = () => eventually('a session has ended', async () => (await server.api('GET', '/api/v1/sessions?state=stopped')).items.length, 30_000);

test('by keyboard alone: board and undo, task, docs, nodes, search, ledger, members, settings', async () => {
  const page = await browser.page(server);
  const dialog = page.getByRole('dialog');

  // A task is written, and held back on the board, and let go again.
  await press(page, 'c');
  await page.waitForURL(/\/ui\/new/);
  await write(page, 'Title', 'Rehearse the abort');
  await choose(page, 'Kluster', 'l', 'lander');
  await press(page, 'Control+Enter');
  await page.waitForURL(/\/ui\/tasks\/apollo-\d+$/);
  const { key } = await task(page.url().split('/').at(-1));
  await press(page, 'g', 'm');
  await push(page, 'link', /^apollo/, page.locator('main'));
  await push(page, 'link', /lander/, page.locator('main'));
  await tab(page, 'link', /Rehearse the abort/, page.locator('main'));
  await press(page, 'Shift+ArrowLeft');
  await write(page, /./, 'waits for the simulator', dialog);
  await push(page, 'button', 'Block', dialog);
  await eventually('it is blocked', async () => (await task(key)).state === 'blocked');
  await dialog.waitFor({ state: 'detached' });
  await press(page, 'z');
  await eventually('it is taken back', async () => (await task(key)).state === 'ready');
  // Its page says why it does not run, and offers the command.
  await tab(page, 'link', /Rehearse the abort/, page.locator('main'));
  await press(page, 'Enter');
  await page.getByText(/names a runtime; no node takes it/).waitFor();
  await tab(page, 'button', /^Copy the command: mc set runtime/);

  // A doc: written, changed, compared, published.
  await press(page, 'g', 'd');
  await push(page, 'button', 'New doc');
  await write(page, 'Name', 'rules', dialog);
  await write(page, 'Title', 'Landing rules', dialog);
  await write(page, 'Text', 'Wind below 8 m/s.', dialog);
  await push(page, 'button', 'Create doc', dialog);
  await page.waitForURL(/\/ui\/docs\/doc_/);
  await tab(page, 'tab', 'Read');
  await press(page, 'ArrowRight');
  await tab(page, 'textbox', 'Text');
  await press(page, 'Control+End');
  await page.keyboard.type(' Gusts below 12.');
  await push(page, 'button', 'Save as version 2');
  await tab(page, 'tab', 'Read');
  await press(page, 'ArrowRight');
  await page.getByText('Gusts below 12.').first().waitFor();
  await push(page, 'button', 'Publish version 2');
  await eventually('it is published', async () => (await server.api('GET', '/api/v1/docs?mission=apollo')).items[0].published_version === 2);

  // A node: closed and opened; the command that joins another one.
  await press(page, 'g', 'n');
  await push(page, 'button', 'Cordon');
  await eventually('it takes nothing new', async () => (await node()).cordoned);
  await push(page, 'button', 'Uncordon');
  await eventually('it takes work again', async () => !(await node()).cordoned);
  await push(page, 'button', 'Join a node');
  await push(page, 'button', 'Make a join token', dialog);
  await tab(page, 'button', /^Copy the command: \(umask/, dialog);
  await press(page, 'Escape');

  // Found by words, opened from there.
  await press(page, '/');
  await page.waitForURL(/\/ui\/search/);
  await page.keyboard.type('abort');
  await page.locator('a.hit').first().waitFor();
  await tab(page, 'link', /Rehearse the abort/, page.locator('main'));
  await press(page, 'Enter');
  await page.getByRole('heading', { name: 'Rehearse the abort' }).waitFor();

  // The ledger, narrowed; the palette leads anywhere.
  await press(page, 'Control+k');
  await page.keyboard.type('ledger');
  await press(page, 'Enter');
  await page.waitForURL(/\/ui\/ledger/);
  await choose(page, 'Kind', 'do', 'doc');
  await page.getByRole('list', { name: 'Events, newest first' }).getByText('doc publish').first().waitFor();
  await push(page, 'button', /doc publish/);
  await page.getByRole('region', { name: /^Event/ }).getByText('doc.publish').first().waitFor();

  // A member gets another role.
  await press(page, 'g', 'p');
  await choose(page, 'Role of ann in the organization', 'con', 'contributor');
  await eventually('she has it', async () => (await server.api('GET', '/api/v1/principals?limit=200')).items.find((one) => one.name === 'ann').role === 'contributor');

  // Another look, then out.
  await press(page, 'g', ',');
  await press(page, 't');
  await eventually('it is light', () => page.evaluate(() => document.documentElement.dataset.theme === 'light'));
  await push(page, 'button', 'Log out everywhere');
  await page.waitForURL(/\/ui\/login/);
  harmless(page);
  await page.context().close();
});

test('by keyboard alone: a conversation with an agent, its mode, a permission refused, its end', async () => {
  const page = await browser.page(server);
  await press(page, 'g', 's');
  await push(page, 'button', 'New session');
  await push(page, 'button', 'Start', page.getByRole('dialog'));
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await write(page, 'Prompt', '/say Hello from the agent');
  await press(page, 'Enter');
  await page.locator('.of-message', { hasText: 'Hello from the agent' }).waitFor();
  await choose(page, 'Mode of the agent', 'P', 'plan');
  await write(page, 'Prompt', '/ask delete everything');
  await press(page, 'Enter', 'Escape');
  await page.getByRole('button', { name: /^Reject/ }).first().waitFor();
  await press(page, 'g', 'a');
  await page.getByText('digest recomputed here').waitFor();
  await press(page, 'n');
  await eventually('it is refused', async () => (await server.api('GET', '/api/v1/approvals')).items.some((one) => one.state === 'rejected'));
  await press(page, 'u');
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await push(page, 'button', 'Stop session');
  await ended();
  await page.getByText('This session has ended. Its record stays.').waitFor();
  harmless(page);
  await page.context().close();
});

test('on a phone, by finger: a conversation, docs, nodes, search, members, the end of the login', async () => {
  const page = await browser.page(server, { phone: true });
  const bar = page.getByRole('navigation', { name: 'Main places' });
  const dialog = page.getByRole('dialog');
  const more = async (name) => {
    await bar.getByText('More').tap();
    await page.locator('.sheet').getByText(name, { exact: true }).tap();
  };
  const fits = async () => assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, page.url());
  await bar.getByText('Sessions').tap();
  await page.getByRole('button', { name: 'New session', exact: true }).tap();
  await dialog.getByRole('button', { name: 'Start', exact: true }).tap();
  await page.waitForURL(/\/ui\/sessions\/ses_/);
  await page.getByLabel('Prompt').fill('/say Hello from the agent\n/sleep 600000');
  await page.getByRole('button', { name: 'Send' }).tap();
  await page.locator('.of-message', { hasText: 'Hello from the agent' }).waitFor();
  await page.getByRole('button', { name: 'Cancel turn' }).tap();
  await page.getByRole('button', { name: 'Cancel turn' }).waitFor({ state: 'detached' });
  await fits();
  const before = (await server.api('GET', '/api/v1/sessions?state=stopped')).items.length;
  await page.getByRole('button', { name: 'Stop session' }).tap();
  await eventually('it has ended', async () => (await server.api('GET', '/api/v1/sessions?state=stopped')).items.length > before, 30_000);

  await more('Docs & artifacts');
  await page.getByRole('button', { name: 'New doc' }).tap();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('checklist');
  await dialog.getByRole('textbox', { name: 'Text' }).fill('- helmet\n');
  await fits();
  await dialog.getByRole('button', { name: 'Create doc' }).tap();
  await page.waitForURL(/\/ui\/docs\/doc_/);
  await page.getByRole('tab', { name: 'Edit' }).tap();
  await page.getByLabel('Text').fill('- helmet\n- gloves\n');
  await page.getByRole('button', { name: 'Save as version 2' }).tap();
  await page.getByRole('tab', { name: /^Changes since/ }).tap();
  await page.getByText('- gloves').first().waitFor();
  await fits();

  await more('Nodes');
  await page.getByRole('button', { name: 'Cordon', exact: true }).tap();
  await page.getByRole('button', { name: 'Uncordon', exact: true }).tap();
  await eventually('it takes work again', async () => !(await node()).cordoned);
  await fits();

  await more('Search');
  await page.getByRole('searchbox', { name: 'Search' }).fill('checklist');
  await page.locator('a.hit[href*="/docs/doc_"]').first().tap();
  await page.waitForURL(/\/ui\/docs\/doc_/);

  await more('Admin');
  await page.getByLabel('Role of ann in the organization').selectOption('admin');
  await eventually('she has it', async () => (await server.api('GET', '/api/v1/principals?limit=200')).items.find((one) => one.name === 'ann').role === 'admin');
  await fits();
  await more('Settings');
  await page.getByRole('button', { name: 'Log out', exact: true }).tap();
  await page.waitForURL(/\/ui\/login/);
  harmless(page);
  await page.context().close();
});
