// Screenshots of every screen, in both themes and on a phone: `scripts/screenshots.sh` calls this. The folder is its argument.
import { mkdir } from 'node:fs/promises';
import { browse, eventually, up } from './harness.mjs';
import { seed } from './seed.mjs';

const folder = process.argv[2] ?? 'shots';
const only = process.argv[3];
await mkdir(folder, { recursive: true });
const server = await up();
const browser = await browse();
try {
  const { tasks, doc } = await seed(server);
  const { items } = await eventually('an agent asks', async () => {
    const page = await server.api('GET', '/api/v1/approvals?state=open');
    return page.items.length > 0 && page;
  });
  const session = JSON.parse(items[0].action).session;
  const stored = (await server.api('GET', '/api/v1/artifacts?mission=apollo')).items;
  const [artifact, report] = ['limits.md', 'landing-report.pdf'].map((name) => stored.find((one) => one.name === name));
  const screens = {
    home: '/', approvals: '/approvals', missions: '/missions', mission: '/missions/apollo', board: '/missions/apollo/lander', list: '/missions/apollo/lander?view=list',
    graph: '/missions/gemini/ascent?view=graph', task: `/tasks/${tasks[1].key}`, waiting: '/tasks/apollo-2', new: '/new?mission=apollo&kluster=lander', session: `/sessions/${session}`, sessions: '/sessions', nodes: '/nodes',
    search: '/search?q=telemetry', ledger: '/ledger', docs: '/docs', doc: `/docs/${doc.id}`, artifact: `/artifacts/${artifact.id}`, pdf: `/artifacts/${report.id}`, admin: '/admin', policies: '/admin?view=policies', tokens: '/admin?view=tokens', settings: '/settings', login: '/login'
  };
  for (const [name, options] of [['dark', {}], ['light', { theme: 'light' }], ['phone', { phone: true }]]) {
    const page = await browser.page(server, options);
    page.setDefaultTimeout(60_000);
    for (const [screen, path] of Object.entries(screens)) {
      if (only && !only.split(',').includes(screen)) continue;
      await page.goto(`${server.base}/ui${path}`);
      await page.locator('h1').first().waitFor();
      if (screen === 'new') { await page.getByLabel('Title', { exact: true }).fill('Parse the telemetry frames of the radar'); await page.locator('.overlap').first().waitFor().catch(() => {}); }
      if (screen === 'task') await page.getByRole('button', { name: 'Side by side' }).first().click().catch(() => {});
      if (screen === 'graph') { await page.locator('canvas').focus(); for (const key of ['Home', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key); }
      if (screen === 'ledger') await page.locator('.event').nth(2).click();
      await page.waitForTimeout(700);
      await page.screenshot({ path: `${folder}/${screen}-${name}.png` });
    }
    if (page.bad.length) console.error(name, page.bad);
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.down();
}
