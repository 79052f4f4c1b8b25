// The real parts: `mc up` in a folder of its own (control plane, node daemon, scripted agent) and Debian's Chromium.
// Nothing of the API is imitated.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const BIN = process.env.MC_BIN_DIR ?? new URL('../../target/ci', import.meta.url).pathname;
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
  const base = `http://127.0.0.1:${port}`;
  const api = async (method, path, body, as = token) => {
    const response = await fetch(base + path, { method, headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  return {
    base, token, data, home, env, mc, api,
    apply: async (text) => {
      const file = join(home, 'apply.yaml');
      await writeFile(file, text);
      return mc('apply', '-f', file);
    },
    pid: async (name) => Number((await readFile(join(data, 'run', `${name}.pid`), 'utf8')).split(/\s/)[0]),
    restart: () => mc('up', '--detach', '--data-dir', data, '--http', `127.0.0.1:${port}`, '--timeout', '120s'),
    down: async () => {
      await mc('down', '--data-dir', data).catch((error) => console.error(String(error)));
      await rm(home, { recursive: true, force: true });
    }
  };
}

/** A browser that reports what a page must never do: ask another server, run a foreign script, break the policy. */
export async function browse() {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  });
  return {
    close: () => browser.close(),
    page: async (server, { theme = 'dark', phone = false, token = server.token, size } = {}) => {
      const context = await browser.newContext({
        viewport: size ?? (phone ? { width: 390, height: 844 } : { width: 1440, height: 900 }),
        isMobile: phone, hasTouch: phone, deviceScaleFactor: phone ? 2 : 1, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce'
      });
      await context.addInitScript((choice) => { try { localStorage.setItem('mc.theme', choice); } catch { /* A page without storage. */ } }, theme);
      const page = await context.newPage();
      const bad = [];
      page.on('request', (request) => { const url = new URL(request.url()); if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== server.base) bad.push(`request to ${request.url()}`); });
      page.on('pageerror', (error) => bad.push(`error ${error.message}`));
      page.on('dialog', (dialog) => { bad.push(`dialog ${dialog.message()}`); void dialog.dismiss(); });
      page.on('console', (message) => { if (/Content.Security.Policy|Refused to/i.test(message.text())) bad.push(message.text()); });
      page.bad = bad;
      if (process.env.MC_UI_DIST) await serveFrom(page, server, process.env.MC_UI_DIST);
      page.setDefaultTimeout(15_000);
      if (token) await login(page, server, token);
      return page;
    }
  };
}

/** While the UI is worked on: its files come from a folder, so that the program need not be built again. Never in CI. */
async function serveFrom(page, server, folder) {
  const head = (await fetch(`${server.base}/ui/`)).headers.get('content-security-policy');
  const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2', html: 'text/html', webmanifest: 'application/manifest+json', json: 'application/json' };
  await page.route(`${server.base}/ui/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice('/ui/'.length);
    const body = path && (await readFile(join(folder, path)).catch(() => null));
    const name = body ? path : 'index.html';
    await route.fulfill({ body: body || (await readFile(join(folder, 'index.html'))), headers: { 'content-type': types[name.split('.').at(-1)] ?? 'application/octet-stream', 'content-security-policy': head } });
  });
}

/** Logs in as a person would. */
export async function login(page, server, token) {
  await page.goto(`${server.base}/ui/login`);
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
  await page.locator('.live.live').waitFor({ state: 'attached' });
}

/** Whether nothing happened that must not. */
export function harmless(page) {
  assert.deepEqual(page.bad, []);
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

export { spawn };
