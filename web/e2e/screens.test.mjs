// Every screen in both themes and on a phone: axe finds nothing, nothing overflows, no policy is broken. Then what agents
// write to do harm.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { browse, eventually, harmless, up } from './harness.mjs';
import { pdf } from './pdf.mjs';
import { seed } from './seed.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let server, browser, screens;
before(async () => {
  server = await up();
  browser = await browse();
  const { tasks, doc } = await seed(server);
  const { items } = await eventually('an agent asks', async () => {
    const page = await server.api('GET', '/api/v1/approvals?state=open');
    return page.items.length > 0 && page;
  });
  const stored = (await server.api('GET', '/api/v1/artifacts?mission=apollo')).items;
  const [artifact, report] = ['limits.md', 'landing-report.pdf'].map((name) => stored.find((one) => one.name === name));
  screens = ['/', '/approvals', '/approvals?view=decided', '/missions', '/missions/apollo', '/missions/gemini', '/missions/apollo/lander', '/missions/apollo/lander?view=list', '/missions/gemini/docking', '/missions/gemini/ascent?view=graph', '/admin', '/admin?view=tokens', '/admin?view=policies',
    `/tasks/${tasks[1].key}`, '/tasks/apollo-2', '/tasks/none-1', '/new', `/sessions/${JSON.parse(items[0].action).session}`, '/sessions', '/nodes', '/search?q=telemetry', '/search', '/ledger', '/docs', '/docs?view=artifacts', `/docs/${doc.id}`, `/artifacts/${artifact.id}`, `/artifacts/${report.id}`, '/settings', '/nowhere'];
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
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${where} is ${wide} px too wide`);
}

for (const [name, options] of [['dark', {}], ['light', { theme: 'light' }], ['on a phone', { phone: true }]]) {
  test(`screens, ${name}`, async () => {
    const page = await browser.page(server, options);
    for (const path of screens) {
      await page.goto(`${server.base}/ui${path}`);
      await page.locator('main h1, main [role="alert"]').first().waitFor();
      await page.waitForTimeout(250);
      await look(page, `${path} ${name}`);
    }
    await page.goto(`${server.base}/ui/missions`);
    await page.locator('main h1').waitFor();
    for (const keys of ['Control+k', '?']) {
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

test('what agents write to do harm does none', async () => {
  const source = await readFile(new URL('../src/lib/hostile.ts', import.meta.url), 'utf8');
  const { HOSTILE } = await import(`data:text/javascript,${encodeURIComponent(source.replace(': string[]', ''))}`);
  assert.ok(HOSTILE.length >= 60);
  const some = HOSTILE.filter((text) => text.length < 3_000 && !text.includes('\0'));
  const [first] = await Promise.all([
    server.api('POST', '/api/v1/tasks', { mission: 'gemini', kluster: 'docking', title: `<img src=x onerror=window.__pwned=1> \u202egnp.exe`, description: some.join('\n\n') }),
    server.api('POST', '/api/v1/docs', { mission: 'gemini', name: 'hostile', title: '<script>window.__pwned=1</script>', content: some.join('\n\n') })
  ]);
  const file = await fetch(`${server.base}/api/v1/artifacts?mission=gemini&name=evil.svg`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'image/svg+xml' }, body: '<svg xmlns="http://www.w3.org/2000/svg" onload="window.__pwned=1"><script>window.__pwned=1</script></svg>' });
  const artifact = await file.json();
  const session = await server.api('POST', '/api/v1/sessions', { mission: 'gemini', runtime: 'scripted' });
  for (const text of some.filter((payload) => !payload.includes('\n')).slice(0, 40)) await server.api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `/say ${text}` });
  await eventually('all of it was said', async () => (await server.api('GET', `/api/v1/sessions/${session.id}/turns?state=queued,running`)).items.length === 0, 60_000);
  const doc = (await server.api('GET', '/api/v1/docs?mission=gemini')).items[0];
  const page = await browser.page(server);
  for (const path of ['/', `/tasks/${first.key}`, '/missions/gemini/docking', '/missions/gemini/ascent?view=graph', '/admin', '/admin?view=tokens', '/admin?view=policies', `/docs/${doc.id}`, `/artifacts/${artifact.id}`, `/sessions/${session.id}`, '/ledger', '/search?q=pwned']) {
    await page.goto(`${server.base}/ui${path}`);
    await page.locator('h1').first().waitFor();
    await page.waitForTimeout(500);
    assert.equal(await page.evaluate(() => window.__pwned), undefined, path);
    assert.equal(await page.locator('main :is(script, iframe, object, embed, img[src="x"], form[action], style)').count(), 0, path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
  }
  harmless(page);
  // Opened by itself, what an agent stored is no page with rights.
  const answer = await page.request.get(`${server.base}/api/v1/artifacts/${artifact.id}/content`);
  assert.match(answer.headers()['content-security-policy'], /sandbox/);
  await page.context().close();
});
