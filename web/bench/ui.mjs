// Figures of the web UI in Chromium without a graphics card, on a real server with real agents; nothing else should run.
//
//   MC_BIN_DIR=../target/ci npm run bench [-- home delay board graph list transcript]
//   MC_BIN_DIR=../target/ci npm run bench -- --write      all of them, and writes its part of docs/benchmarks.md
//
// Times stand beside those of an empty page of the same server (/healthz), so that machines can be compared. Each figure is
// the median of its runs unless it says p95.
//
// MC_BENCH_TASKS   tasks of the graph (default 10000); half of them on the board
// MC_BENCH_ROWS    tasks of the long list (default 100000, or as many as are made in 60 s)
// MC_BENCH_EASE    goals of time and frames are missed only by this factor (default 1): for a machine that does other things
//                  too, and for programs that are not optimised. Sizes and memory are as they are
// MC_BENCH_SHOTS   folder for a picture of the whole graph
// MC_BENCH_EVENTS  events of the long conversation (default 100000)
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIN, browse, eventually, up } from '../e2e/harness.mjs';
import { seed } from '../e2e/seed.mjs';

const TASKS = Number(process.env.MC_BENCH_TASKS ?? 10_000);
const EVENTS = Number(process.env.MC_BENCH_EVENTS ?? 100_000);
const ROWS = Number(process.env.MC_BENCH_ROWS ?? 100_000);
const EASE = Number(process.env.MC_BENCH_EASE ?? 1);
const write = process.argv.includes('--write');
const wanted = process.argv.slice(2).filter((word) => word !== '--write');
if (write && EASE !== 1) throw new Error('what is written down is not eased');
if (write && wanted.length) throw new Error('--write is for all of them');
const asked = (name) => wanted.length === 0 || wanted.includes(name);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const share = (numbers, part) => [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))];
let missed = 0;
const table = [];
function say(line) {
  table.push(line);
  console.log(line);
}
function row(what, figure, unit, goal) {
  const ease = ['kB', 'MB', 'requests'].includes(unit) ? 1 : EASE;
  const met = goal === undefined ? '-' : (goal.startsWith('<') ? figure <= Number(goal.slice(1)) * ease : figure * ease >= Number(goal.slice(1))) ? 'met' : 'MISSED';
  if (met === 'MISSED') missed += 1;
  say(`| ${what} | ${Number.isInteger(figure) ? figure : figure.toFixed(1)} ${unit} | ${goal?.replace('<', '≤ ').replace('>', '≥ ') ?? '-'} | ${met} |`);
}

process.env.MC_WITNESS = join(await mkdtemp(join(tmpdir(), 'mc-ui-bench-')), 'witness');
// Many tasks are made at once here; whether they are alike is measured elsewhere.
process.env.MC_OVERLAP_DETECTION ??= 'off';
const server = await up();
const browser = await browse();
const { api } = server;
/** Makes tasks of a kluster, by the hundreds; answers how many there are when it ends, which is after `within` ms at the latest. */
async function fill(kluster, count, { depends = false, within = Infinity } = {}) {
  await api('POST', '/api/v1/klusters', { mission: 'apollo', name: kluster });
  const begun = performance.now();
  const end = begun + within;
  let from = 0;
  for (; from < count && performance.now() < end; from += 200) {
    const rows = Array.from({ length: Math.min(200, count - from) }, (_, index) => {
      const at = from + index;
      const needs = at > 40 ? [...new Set([Math.floor(at / 2), at - 1 - (at % 37)])].filter((other) => other >= 0 && other < at) : [];
      return { line: at + 1, external_id: `${kluster}-${at}`, title: `Plate ${at} of sector ${at % 97}: ${(at * 2654435761 % 4294967296).toString(36)}`, priority: at % 100, depends_on: depends ? needs.map((other) => `${kluster}-${other}`) : [] };
    });
    await api('POST', '/api/v1/tasks/import', { mission: 'apollo', kluster, source: 'bench', rows });
  }
  console.error(`# ${kluster}: ${Math.min(from, count)} tasks made in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  return Math.min(from, count);
}
const cookies = async () => {
  const page = await browser.page(server);
  const held = await page.context().cookies();
  await page.context().close();
  return held;
};
/** A page of a browser that has kept nothing but its login. */
async function cold(kept, size) {
  const page = await browser.page(server, { token: null, size, motion: 'no-preference' });
  await page.context().addCookies(kept);
  return page;
}
/** Frames a second while `act` is called for each of them: what 95 of 100 frames keep up with, and the mean. */
const frames = (page, act, count = 180) => page.evaluate(async ([source, most]) => {
  const step = new Function('index', source);
  const times = [];
  await new Promise((resolve) => {
    let [index, last] = [0, performance.now()];
    const next = (now) => {
      if (index > 0) times.push(now - last);
      last = now;
      if (index >= most) return resolve();
      step(index);
      index += 1;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  times.sort((a, b) => a - b);
  return { mean: 1000 / (times.reduce((sum, time) => sum + time, 0) / times.length), slow: 1000 / times[Math.floor(times.length * 0.95)] };
}, [act, count]);

try {
  say('| what | figure | goal | verdict |\n|---|---|---|---|');
  // Two missions in full swing, as in the tests and screenshots.
  await seed(server);
  await eventually('an agent asks', async () => (await api('GET', '/api/v1/approvals?state=open')).items.length > 0, 60_000);
  const kept = await cookies();

  let empty = 0;
  if (asked('home') || asked('transcript')) {
    const times = [];
    for (let run = 0; run < 5; run += 1) {
      const page = await cold(kept);
      const start = performance.now();
      await page.goto(`${server.base}/healthz`);
      times.push(performance.now() - start);
      await page.context().close();
    }
    empty = median(times);
    row('empty page of the same server (/healthz)', empty, 'ms');
  }

  if (asked('home')) {
    const [times, sizes, counts] = [[], [], []];
    for (let run = 0; run < 5; run += 1) {
      const page = await cold(kept);
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Network.enable');
      const scripts = new Set();
      let [size, count] = [0, 0];
      devtools.on('Network.requestWillBeSent', () => { count += 1; });
      devtools.on('Network.responseReceived', ({ requestId, response }) => { if (response.mimeType.includes('javascript')) scripts.add(requestId); });
      devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (scripts.has(requestId)) size += encodedDataLength; });
      const start = performance.now();
      await page.goto(`${server.base}/ui/`);
      // Usable: it says what waits, from the server's own snapshot, and it can be decided.
      await page.getByRole('heading', { name: /wait for you|waits for you/ }).waitFor();
      await page.getByRole('link', { name: 'New task' }).waitFor();
      await page.getByRole('button', { name: /^Approve/ }).waitFor();
      times.push(performance.now() - start);
      sizes.push(size);
      counts.push(count);
      await page.context().close();
    }
    row('first usable Home, nothing kept', median(times), 'ms', '<1000');
    row('the same, times the empty page', median(times) / empty, '×');
    row('JavaScript on the wire until then', median(sizes) / 1000, 'kB', '<180');
    row('requests until then', median(counts), 'requests', '<24');
  }

  if (asked('delay')) {
    const session = await api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
    const page = await cold(kept);
    await page.goto(`${server.base}/ui/sessions/${session.id}`);
    await eventually('it is idle', async () => (await api('GET', `/api/v1/sessions/${session.id}`)).state === 'idle');
    await page.getByLabel('Prompt').waitFor();
    // When each update was on the screen: after the frame that drew it.
    await page.evaluate(() => {
      window.seen = [];
      const watch = () => {
        const text = document.querySelector('.of-message')?.textContent ?? '';
        const newest = Number(/^chunk (\d+) of /.exec(text.slice(text.lastIndexOf('chunk ')))?.[1] ?? 0);
        if (newest > (window.seen.at(-1)?.[0] ?? 0)) window.seen.push([newest, performance.timeOrigin + performance.now()]);
        requestAnimationFrame(watch);
      };
      requestAnimationFrame(watch);
    });
    const clock = async () => { const boot = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]) * 1000; return Date.now() - boot; };
    const offset = await clock();
    await api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: '/chunks 300 50' });
    await eventually('all was said', async () => { const now = await api('GET', `/api/v1/sessions/${session.id}`); return now.last_seq > 300 && now.state === 'idle'; }, 60_000);
    await page.waitForTimeout(1_000);
    const sent = (await readFile(process.env.MC_WITNESS, 'utf8')).trim().split('\n').map((line) => JSON.parse(line)).filter((record) => record.dir === 'out').flatMap((record) => {
      const number = /"text":"chunk (\d+) of 300\\n"/.exec(record.line)?.[1];
      return number ? [{ number: Number(number), at: record.t_boot_ns / 1e6 + offset }] : [];
    });
    const seen = await page.evaluate(() => window.seen);
    // An update is seen when it or a later one is the newest on the screen.
    const delays = sent.map((one) => {
      const shown = seen.find(([newest]) => newest >= one.number);
      if (!shown) throw new Error(`update ${one.number} was not seen on the screen; the newest was ${seen.at(-1)?.[0]}`);
      return shown[1] - one.at;
    });
    if (delays.length !== 300) throw new Error(`${delays.length} of 300 updates were sent`);
    row(`agent's update until it is on the screen, p95 of ${delays.length}`, share(delays, 0.95), 'ms', '<200');
    row('the same, median', median(delays), 'ms');
    await page.context().close();
  }

  if (asked('board') || asked('graph')) {
    if (asked('board')) {
      await fill('board', TASKS / 2);
      const page = await cold(kept);
      const start = performance.now();
      await page.goto(`${server.base}/ui/missions/apollo/board`);
      await page.locator('.card').first().waitFor({ timeout: 60_000 });
      row(`board of ${TASKS / 2} tasks opens`, performance.now() - start, 'ms');
      const { mean, slow } = await frames(page, "const rows = [...document.querySelectorAll('.rows')].find((list) => list.scrollHeight > 2 * list.clientHeight); rows.scrollTop = index * 90 * (index % 60 < 50 ? 1 : 7);");
      row('board: scrolling, frames a second', mean, '', '>30');
      row('board: what 95 of 100 frames reach', slow, '');
      await page.context().close();
    }
    if (asked('graph')) {
      await fill('graph', TASKS, { depends: true });
      // Work has begun: states differ.
      for (let at = 0; at < 40; at += 1) {
        const { items: [task] } = await api('GET', `/api/v1/tasks?mission=apollo&kluster=graph&state=ready&limit=1`);
        const { attempt } = await api('POST', `/api/v1/tasks/${task.key}/claim`, { lease_seconds: 600 });
        if (at % 4) await api('POST', `/api/v1/tasks/${task.key}/complete`, { attempt, result: 'flat' });
      }
      const page = await cold(kept);
      const start = performance.now();
      await page.goto(`${server.base}/ui/missions/apollo/graph?view=graph`);
      await page.locator('canvas[data-ready]').waitFor({ timeout: 60_000 });
      await page.getByText(/^laying out/).waitFor({ state: 'detached', timeout: 60_000 });
      const nodes = Number(await page.locator('canvas').getAttribute('data-nodes'));
      row(`graph of ${nodes} tasks opens`, performance.now() - start, 'ms');
      await page.waitForTimeout(1_500);
      if (process.env.MC_BENCH_SHOTS) await page.screenshot({ path: join(process.env.MC_BENCH_SHOTS, 'graph-fit.png') });
      const drag = "const at = document.querySelector('canvas'); const box = at.getBoundingClientRect(); const say = (type, x, y) => at.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true })); if (index === 0) { at.setPointerCapture = () => {}; say('pointerdown', 500, 300); } say('pointermove', 500 + Math.sin(index / 20) * 400, 300 + Math.cos(index / 15) * 220);";
      const wheel = "const at = document.querySelector('canvas'); const box = at.getBoundingClientRect(); at.dispatchEvent(new WheelEvent('wheel', { deltaY: Math.sin(index / 25) * 60 - 8, clientX: box.left + 500, clientY: box.top + 300, bubbles: true, cancelable: true }));";
      const pan = await frames(page, drag);
      await page.waitForTimeout(600);
      const zoom = await frames(page, wheel);
      row('graph: panning, frames a second', pan.mean, '', '>30');
      row('graph: panning, what 95 of 100 frames reach', pan.slow, '');
      row('graph: zooming, frames a second', zoom.mean, '', '>30');
      row('graph: zooming, what 95 of 100 frames reach', zoom.slow, '');
      await page.context().close();
    }
  }

  if (asked('list')) {
    const rows = await fill('list', ROWS, { within: 60_000 });
    const page = await cold(kept);
    const start = performance.now();
    await page.goto(`${server.base}/ui/missions/apollo/list?view=list`);
    await page.locator('[role="listitem"]').first().waitFor({ timeout: 120_000 });
    row(`list of ${rows} tasks opens`, performance.now() - start, 'ms');
    await eventually('all of them are there', async () => Number(await page.locator('[role="listitem"]').first().getAttribute('aria-setsize')) === rows, 120_000);
    const { mean, slow } = await frames(page, "const rows = document.querySelector('.rows'); rows.scrollTop = index * 110 * (index % 60 < 50 ? 1 : 211);");
    row(`list of ${rows} tasks: scrolling, frames a second`, mean, '', '>30');
    row(`list of ${rows} tasks: what 95 of 100 frames reach`, slow, '');
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('HeapProfiler.collectGarbage');
    row(`list of ${rows} tasks: what it holds`, (await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6, 'MB');
    await page.context().close();
  }

  if (asked('transcript')) {
    const session = await api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
    await api('POST', `/api/v1/sessions/${session.id}/prompt`, { text: `/chunks ${EVENTS} 1000000\n/say The very end.` });
    await eventually('all of it is there', async () => { const now = await api('GET', `/api/v1/sessions/${session.id}`); return now.last_seq >= EVENTS && now.state === 'idle'; }, 180_000);
    const [times, heaps] = [[], []];
    for (let run = 0; run < 3; run += 1) {
      const page = await cold(kept);
      const start = performance.now();
      await page.goto(`${server.base}/ui/sessions/${session.id}`);
      await page.getByText('The very end.').first().waitFor();
      times.push(performance.now() - start);
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('HeapProfiler.collectGarbage');
      heaps.push((await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6);
      await page.context().close();
    }
    row(`conversation of ${EVENTS} events opens`, median(times), 'ms', '<1500');
    row('the same, times the empty page', median(times) / empty, '×');
    row('what it holds', median(heaps), 'MB', '<300');
  }
} finally {
  await browser.close();
  await server.down();
}
if (write) {
  // The part above is written by scripts/bench.sh.
  const file = new URL('../../docs/benchmarks.md', import.meta.url);
  const text = await readFile(file, 'utf8');
  const build = execFileSync(join(BIN, 'mc'), ['--version'], { encoding: 'utf8' }).trim().split(' ')[1];
  const at = text.search(/^The web UI, /m);
  await writeFile(file, `${(at < 0 ? text : text.slice(0, at)).trimEnd()}\n\nThe web UI, \`cd web && npm run bench\`, build ${build}, Chromium without a graphics card:\n\n${table.join('\n')}\n`);
}
process.exitCode = missed ? 1 : 0;
