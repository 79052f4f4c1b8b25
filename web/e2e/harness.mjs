// The real parts: `mc up` in a folder of its own (control plane, node daemon, scripted agent) and Debian's Chromium.
// Nothing of the API is imitated.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp, request as ask } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const BIN = process.env.MC_BIN_DIR ?? new URL('../../target/quick', import.meta.url).pathname;
const CHROMIUM = process.env.MC_CHROMIUM ?? '/usr/bin/chromium';

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** An installation that goes when `down` is called. */
export async function up() {
  const home = await mkdtemp(join(tmpdir(), 'mc-e2e-'));
  const data = join(home, 'data');
  const port = await freePort();
  const env = { ...process.env, HOME: home, PATH: `${BIN}:${process.env.PATH}` };
  for (const name of ['MC_TOKEN', 'MC_BASE_URL', 'MC_TOKEN_FILE', 'MC_GOV_PROFILE']) delete env[name];
  const mc = async (...words) => (await run(join(BIN, 'mc'), words, { env, maxBuffer: 64 << 20 })).stdout;
  await mc('up', '--detach', '--data-dir', data, '--http', `127.0.0.1:${port}`, '--timeout', '120s');
  const token = (await readFile(join(data, 'token'), 'utf8')).trim();
  const direct = `http://127.0.0.1:${port}`;
  const front = process.env.MC_UI_DIST ? await between(port, process.env.MC_UI_DIST) : null;
  const base = front?.base ?? direct;
  const api = async (method, path, body, as = token) => {
    const response = await fetch(direct + path, { method, headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  return {
    base, direct, port, token, data, home, env, mc, api,
    apply: async (text) => {
      const file = join(home, 'apply.yaml');
      await writeFile(file, text);
      return mc('apply', '-f', file);
    },
    /** What the scripted agents read (`in`) and wrote (`out`), when the test set MC_WITNESS. */
    witness: async () => (await readFile(process.env.MC_WITNESS, 'utf8').catch(() => '')).split('\n').filter(Boolean).map((line) => JSON.parse(line)),
    pid: async (name) => Number((await readFile(join(data, 'run', `${name}.pid`), 'utf8')).split(/\s/)[0]),
    restart: () => mc('up', '--detach', '--data-dir', data, '--http', `127.0.0.1:${port}`, '--timeout', '120s'),
    down: async () => {
      await mc('down', '--data-dir', data).catch((error) => console.error(String(error)));
      await front?.close();
      await rm(home, { recursive: true, force: true });
    }
  };
}

/**
 * A server between the browser and ours. With a folder it gives the files of the UI from there, so that the program need
 * not be built again while the UI is worked on (never in CI). `how` may answer instead of the server, or make it slow:
 * `(request) => status | { status, body } | { wait: ms } | { lose: true } | { never: true } | { mute: true } | { alter: (text) => text } | undefined` (`lose`: the server does it, its answer is lost;
 * `never`: it does not hear of it and nothing is answered; `mute`: it does it and nothing is answered; `alter`: its answer is
 * another one, line by line, streams too); `cut()` cuts every connection that is open.
 * `streams` are the event streams that are open.
 */
export async function between(port, folder = process.env.MC_UI_DIST) {
  const types = { js: 'text/javascript', mjs: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', png: 'image/png', woff2: 'font/woff2', html: 'text/html; charset=utf-8', webmanifest: 'application/manifest+json', json: 'application/json' };
  let policy = null;
  const state = { how: () => undefined, cuts: 0, away: false, streams: new Set() };
  const sockets = new Set();
  const pass = (incoming, outgoing, { lose, mute, alter } = {}) => {
    const onward = ask({ host: '127.0.0.1', port, path: incoming.url, method: incoming.method, headers: alter ? { ...incoming.headers, 'accept-encoding': 'identity' } : incoming.headers }, (answer) => {
      if (lose) return void outgoing.destroy();
      if (mute) return void answer.resume();
      if (alter) return void change(answer, outgoing, alter);
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
      if (answer.headers['content-type']?.startsWith('text/event-stream')) {
        const stream = { path: incoming.url };
        state.streams.add(stream);
        outgoing.on('close', () => state.streams.delete(stream));
      }
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };
  const change = (answer, outgoing, alter) => {
    const { 'content-length': _, ...headers } = answer.headers;
    outgoing.writeHead(answer.statusCode, headers);
    let held = '';
    answer.setEncoding('utf8');
    answer.on('data', (text) => {
      const lines = (held + text).split('\n');
      held = lines.pop();
      for (const line of lines) outgoing.write(`${alter(line)}\n`);
    });
    answer.on('end', () => outgoing.end(alter(held)));
    answer.on('error', () => outgoing.destroy());
  };
  const server = createHttp(async (incoming, outgoing) => {
    const url = new URL(incoming.url, 'http://x');
    const say = state.how({ method: incoming.method, path: url.pathname, search: url.search, headers: incoming.headers });
    if (say?.never) return void incoming.resume();
    if (say?.wait) await new Promise((resolve) => setTimeout(resolve, say.wait));
    const status = typeof say === 'number' ? say : say?.status;
    if (status) {
      incoming.resume();
      outgoing.writeHead(status, { 'content-type': 'application/problem+json', 'x-request-id': 'made-here', ...(say.headers ?? {}) });
      return void outgoing.end(typeof say.body === 'string' ? say.body : JSON.stringify(say.body ?? { type: 'urn:missioncontrol:problem:made-here', title: `Answered with ${status}`, status, detail: 'as the test wanted', request_id: 'made-here' }));
    }
    if (!folder || !url.pathname.startsWith('/ui')) return pass(incoming, outgoing, say ?? {});
    const path = decodeURIComponent(url.pathname.slice('/ui/'.length));
    if (path.includes('..')) return void outgoing.writeHead(400).end();
    const body = path && (await readFile(join(folder, path)).catch(() => null));
    if (!body && path.startsWith('_app/')) return void outgoing.writeHead(404).end();
    policy ??= (await fetch(`http://127.0.0.1:${port}/ui/`).catch(() => null))?.headers.get('content-security-policy') ?? null;
    const name = body ? path : 'index.html';
    const small = /\bbr\b/.test(incoming.headers['accept-encoding'] ?? '') && (await readFile(join(folder, `${name}.br`)).catch(() => null));
    outgoing.writeHead(200, { ...(small ? { 'content-encoding': 'br' } : {}), 'content-type': types[name.split('.').at(-1)] ?? 'application/octet-stream', 'cache-control': name.includes('/immutable/') ? 'public, max-age=31536000, immutable' : 'no-cache', ...(policy ? { 'content-security-policy': policy } : {}) });
    outgoing.end(small || body || (await readFile(join(folder, 'index.html'))));
  });
  server.on('connection', (socket) => {
    if (state.away) return socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    base: `http://127.0.0.1:${server.address().port}`,
    /** Cuts what is open, in the middle of whatever is said. */
    cut: () => {
      state.cuts += sockets.size;
      for (const socket of sockets) socket.destroy();
      return sockets.size;
    },
    close: () => new Promise((resolve) => { for (const socket of sockets) socket.destroy(); server.close(() => resolve()); })
  });
}

/** A browser that reports what a page must never do: ask another server, run a foreign script, break the policy. */
export async function browse() {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  });
  return {
    close: () => browser.close(),
    page: async (server, { theme = 'dark', phone = false, token = server.token, size, offline = false, base = server.base, motion = 'reduce', permissions = [], init = null } = {}) => {
      const context = await browser.newContext({
        viewport: size ?? (phone ? { width: 390, height: 844 } : { width: 1440, height: 900 }),
        isMobile: phone, hasTouch: phone, deviceScaleFactor: phone ? 2 : 1, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: motion,
        // Kept shells are for the tests of being offline; elsewhere each page comes from the server.
        serviceWorkers: offline ? 'allow' : 'block'
      });
      await context.addInitScript((choice) => { try { localStorage.setItem('mc.theme', choice); } catch { /* A page without storage. */ } }, theme);
      if (permissions.length) await context.grantPermissions(permissions, { origin: base });
      if (init) await context.addInitScript(init);
      const page = await context.newPage();
      const bad = [];
      page.on('request', (request) => { const url = new URL(request.url()); if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== base) bad.push(`request to ${request.url()}`); });
      page.on('pageerror', (error) => bad.push(`error ${error.message}`));
      page.on('dialog', (dialog) => { bad.push(`dialog ${dialog.message()}`); void dialog.dismiss(); });
      page.on('console', (message) => { if (/Content.Security.Policy|Refused to/i.test(message.text())) bad.push(message.text()); });
      page.bad = bad;
      const asked = new Set();
      // Streams do not end.
      // Streams do not end, and the end of a worker's script is not told to the page.
      page.on('request', (request) => { if (!/[?&](watch|follow)=true|\/api\/v1\/watch\?|\/workers\//.test(request.url())) asked.add(request); });
      for (const over of ['requestfinished', 'requestfailed']) page.on(over, (request) => asked.delete(request));
      page.asked = asked;
      page.setDefaultTimeout(15_000);
      if (token) await login(page, { base }, token);
      return page;
    }
  };
}

/** Logs in as a person would. */
export async function login(page, server, token) {
  await page.goto(`${server.base}/ui/login`);
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
  await page.locator('.live.live').waitFor({ state: 'attached' });
}

/** Logs in again over the page, when its login session has ended. */
export async function loginAgain(page, token) {
  const dialog = page.getByRole('dialog', { name: 'Log in again' });
  await dialog.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
}

/** Whether nothing happened that must not. */
export function harmless(page) {
  assert.deepEqual(page.bad, []);
}

/** Until a page has loaded what it shows: a heading or a refusal is there, nothing is said to be loading, nothing is asked for. */
export async function settled(page) {
  await page.locator('main h1, main [role="alert"]').first().waitFor({ timeout: 40_000 });
  let calm = 0;
  await eventually('the page has loaded', async () => {
    calm = page.asked.size === 0 && (await page.locator('[aria-busy="true"]').count()) === 0 ? calm + 1 : 0;
    return calm > 1;
  }, 40_000).catch((error) => { throw new Error(`${error.message}; asked for: ${[...page.asked].map((request) => request.url()).join(' ') || 'nothing'}`); });
}

/** Goes to a place of the app as a link in it does, without loading the app anew; `path` as it stands behind `/ui`. */
export async function follow(page, path) {
  await page.evaluate((href) => {
    const link = document.body.appendChild(Object.assign(document.createElement('a'), { href }));
    link.click();
    link.remove();
  }, `/ui${path}`);
  await page.waitForURL((url) => `${url.pathname}${url.search}` === `/ui${path}`, { waitUntil: 'commit' });
  await settled(page);
}

/** What breaks the layout: places that scroll sideways and should not, elements beside the page. What scrolls or cuts by itself may hold what is wide. */
export function broken(page) {
  return page.evaluate(() => {
    // Not `innerWidth`: on a phone the view grows with what is too wide.
    const room = document.documentElement.clientWidth;
    const said = (element) => `${element.tagName.toLowerCase()}.${[...element.classList].join('.')}`;
    const found = [...document.querySelectorAll('html, main, .area')].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => `${said(element)} is ${element.scrollWidth - element.clientWidth} px too wide`);
    const walk = (parent) => {
      for (const element of parent.children) {
        const { left, right, width, height } = element.getBoundingClientRect();
        if (width && height && (right > room + 1 || left < -1)) found.push(`${said(element)} stands from ${left} to ${right}`);
        else if (element.matches('main, .area') || getComputedStyle(element).overflowX === 'visible') walk(element);
      }
    };
    for (const main of document.querySelectorAll('main')) walk(main);
    return found.slice(0, 5);
  });
}

export async function eventually(what, condition, within = 20_000) {
  const end = Date.now() + within;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export { BIN, spawn };
