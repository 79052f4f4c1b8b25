// Every screen and every form, in both themes, at a desk and on a phone: axe finds nothing, nothing overflows, no policy is
// broken.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { broken, browse, eventually, follow, harmless, settled, up } from './harness.mjs';
import { pdf } from './pdf.mjs';
import { seed } from './seed.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let server, browser, screens, forms;
before(async () => {
  server = await up();
  browser = await browse();
  const { tasks, doc } = await seed(server);
  // Two ask: one for its task, one because it was told to.
  const second = await server.api('POST', '/api/v1/sessions', { mission: 'gemini', runtime: 'scripted' });
  await server.api('POST', `/api/v1/sessions/${second.id}/prompt`, { text: '/think Which orbit?\n/plan Look; Dock\n/tool read_orbit {"at": 7}\n/update {"sessionUpdate":"tool_call","toolCallId":"e","title":"edit","kind":"edit","status":"completed","content":[{"type":"diff","path":"src/dock.rs","oldText":"a\\nb","newText":"a\\nc"},{"type":"terminal","terminalId":"t","output":"ok"}]}\n/stderr a word beside it\n/ask write orbit.md' });
  const { items } = await eventually('two agents ask', async () => {
    const page = await server.api('GET', '/api/v1/approvals?state=open');
    return page.items.length > 1 && page;
  }, 60_000);
  const stored = (await server.api('GET', '/api/v1/artifacts?mission=apollo')).items;
  const [artifact, report] = ['limits.md', 'landing-report.pdf'].map((name) => stored.find((one) => one.name === name));
  const first = items.map((item) => JSON.parse(item.action).session).find((session) => session !== second.id);
  screens = ['/', '/approvals', '/approvals?view=decided', '/missions', '/missions/apollo', '/missions/gemini', '/missions/apollo/lander', '/missions/apollo/lander?view=list', '/missions/gemini/docking', '/missions/gemini/ascent?view=graph', '/admin', '/admin?view=tokens', '/admin?view=policies',
    `/tasks/${tasks[1].key}`, '/tasks/apollo-2', '/tasks/none-1', '/new', `/sessions/${first}`, `/sessions/${first}?beside=${second.id}`, '/sessions', '/nodes', '/search?q=telemetry', '/search', '/ledger', '/docs', '/docs?view=artifacts', `/docs/${doc.id}`, `/docs/${doc.id}?edit=1`, `/artifacts/${artifact.id}`, `/artifacts/${report.id}`, '/settings', '/nowhere'];
  const button = (name) => async (page) => page.getByRole('button', { name, exact: typeof name === 'string' }).first().click();
  const tab = (name) => (page) => page.getByRole('tab', { name }).click();
  forms = [
    ['/missions', button('New mission')], ['/missions/apollo', button('New kluster')], ['/missions/apollo', button('Change…')], ['/sessions', button('New session')],
    ['/nodes', button('Join a node')], ['/nodes', button('Drain…')], ['/docs', button('New doc')], ['/docs?view=artifacts', button('Store a file')],
    ['/admin', button('Add somebody')], ['/admin', button('More…')], ['/admin', async (page) => { await page.getByLabel('Choose ann').check(); await button(/^Change role/)(page); }], ['/admin?view=policies', button(/^Change…/)],
    [`/tasks/${tasks[1].key}`, button('Block')], [`/tasks/${tasks[1].key}`, button('Cancel task')],
    ['/approvals', async (page) => { await button(/^Choose all/)(page); await button('Approve 2')(page); }],
    [`/docs/${doc.id}`, tab('Changes since 1'), '[aria-label^="Changes"]'], [`/docs/${doc.id}`, async (page) => { await tab('Edit')(page); await button('Preview')(page); }, 'textarea']
  ];
});
after(async () => {
  await browser?.close();
  await server?.down();
});

async function look(page, where) {
  // By evaluate, which the policy of the page does not hinder; a script element it would refuse.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })).violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).slice(0, 3).join(' | ')}`));
  assert.deepEqual(found, [], where);
  assert.deepEqual(await broken(page), [], where);
}

for (const [name, options] of [['dark', {}], ['light', { theme: 'light' }], ['on a phone', { phone: true }], ['on a phone, light', { phone: true, theme: 'light' }]]) {
  test(`screens and forms, ${name}`, async () => {
    const stranger = await browser.page(server, { ...options, token: null });
    await stranger.goto(`${server.base}/ui/login?next=/ui/approvals`);
    await settled(stranger);
    await look(stranger, `/login ${name}`);
    await stranger.getByLabel('Token', { exact: true }).fill('mcs_wrong');
    await stranger.keyboard.press('Enter');
    await stranger.getByRole('alert').waitFor();
    await look(stranger, `/login, refused, ${name}`);
    await stranger.context().close();

    const page = await browser.page(server, options);
    const open = async (path) => {
      await page.goto(`${server.base}/ui${path}`);
      await settled(page);
    };
    await open('/');
    for (const path of screens) {
      // Loaded anew on the phone, by a link at the desk.
      await (options.phone ? open(path) : follow(page, path));
      await look(page, `${path} ${name}`);
    }
    for (const [index, [path, act, shown = '[role="dialog"]']] of forms.entries()) {
      await open(path);
      await act(page);
      await page.locator(shown).first().waitFor();
      await settled(page);
      await look(page, `form ${index} of ${path} ${name}`);
    }
    await open('/missions');
    for (const keys of ['Control+k', '?', ...(options.phone ? [] : ['.'])]) {
      await page.keyboard.press(keys);
      await page.locator('[role="dialog"]').waitFor();
      await look(page, `${keys} ${name}`);
      await page.keyboard.press('Escape');
      await page.locator('[role="dialog"]').waitFor({ state: 'detached' });
    }
    harmless(page);
    await page.context().close();
  });
}

test('a PDF is shown page by page; what is locked, broken or too large is said, and nothing in it runs', async () => {
  const store = async (name, body, media = 'application/pdf') => (await fetch(`${server.base}/api/v1/artifacts?mission=gemini&name=${name}`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': media }, body })).json();
  const page = await browser.page(server);
  const open = (artifact) => page.goto(`${server.base}/ui/artifacts/${artifact.id}`);
  const drawn = (number) => page.locator(`.leaf:nth-of-type(${number}) canvas`).evaluate((canvas) => {
    if (canvas.width === 0) return 0;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let dark = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] < 300) dark++;
    return dark;
  });
  const names = ['One', 'Two', 'Three', 'Four', 'Five', 'Six'];
  const harm = { catalog: '/OpenAction << /S /JavaScript /JS (app.alert\\(1\\); this.submitForm\\("http://127.0.0.1:9/x"\\)) >>', annotation: '<< /Type /Annot /Subtype /Link /Rect [0 0 595 842] /A << /S /URI /URI (javascript:window.__pwned=1) >> >>' };
  // Under another media type it is known by its name.
  await open(await store('words.pdf', pdf(names.map((name) => `Page ${name}\n<img src=x onerror=window.__pwned=1>`), harm), 'application/octet-stream'));
  await page.getByText('Page 1 of 6').waitFor();
  await eventually('the first page is drawn', async () => (await drawn(1)) > 200);
  await page.locator('.leaf').first().getByText('Page One').waitFor({ state: 'attached' });
  assert.equal(await drawn(6), 0, 'what nobody sees is not drawn');
  await page.getByRole('document', { name: 'words.pdf, 6 pages' }).focus();
  await page.keyboard.press('End');
  await page.getByText('Page 6 of 6').waitFor();
  await eventually('the last page is drawn', async () => (await drawn(6)) > 200);
  await eventually('the first gave its pixels back', async () => (await drawn(1)) === 0);
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  assert.equal(await page.locator('.pages :is(a, img, input, button)').count(), 0);
  const key = 'x'.repeat(32);
  for (const [name, body, words] of [
    ['locked.pdf', pdf(['Locked'], { trailer: `/ID [(a) (a)] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O (${key}) /U (${key}) >>` }), 'It is locked with a password.'],
    ['broken.pdf', Buffer.from('no pdf at all'), 'It cannot be read as a PDF'],
    ['large.pdf', Buffer.alloc(20_000_001, 32), 'Too large for a preview']
  ]) {
    await open(await store(name, body));
    await page.getByText(words).waitFor();
    await page.getByRole('link', { name: /^Download/ }).waitFor();
  }
  harmless(page);
  await page.context().close();
});
