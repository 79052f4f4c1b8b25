/// <reference types="@sveltejs/kit" />
/// <reference no-default-lib="true"/>
/// <reference lib="esnext" />
/// <reference lib="webworker" />
// Keeps the shell of the UI, so that it opens without the server and can say so. It never keeps an answer of the API: what
// is shown as current comes from the server or says how old it is.
import { build, files, version } from '$service-worker';

const self = globalThis.self as unknown as ServiceWorkerGlobalScope;
const SHELL = '/ui/';
const CACHE = `mc-shell-${version}`;

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // Files named by their digest that an older shell has are taken from there.
      // Letters of other scripts, and the reader of PDFs, come when they are needed.
      const wanted = [...build.filter((file) => !/-(cyrillic|greek|vietnamese|latin-ext)|\/pdf\./.test(file)), ...files.filter((file) => !file.endsWith('512.png'))];
      const old = (await caches.keys()).filter((name) => name.startsWith('mc-shell-') && name !== CACHE);
      for (const path of wanted) {
        let held: Response | undefined;
        if (path.includes('/immutable/')) for (const name of old) held ??= await (await caches.open(name)).match(path);
        if (held) await cache.put(path, held);
      }
      const there = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
      await cache.addAll(wanted.filter((path) => !there.has(path)));
      await put(cache, await fetch(SHELL, { cache: 'no-cache' }));
      await self.skipWaiting();
    })()
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // The shell before this one stays: a page that is open may still want its files.
      const old = (await caches.keys()).filter((name) => name.startsWith('mc-shell-') && name !== CACHE);
      await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
      await self.clients.claim();
    })()
  );
});

/** Keeps the page, and the script it begins with, which is named by its digest. */
async function put(cache: Cache, page: Response): Promise<void> {
  if (!page.ok || !page.headers.get('content-type')?.startsWith('text/html')) return;
  const html = await page.clone().text();
  for (const [, path] of html.matchAll(/(?:src|href)="(\/ui\/_app\/immutable\/[^"]+)"/g)) if (path && !(await cache.match(path))) await cache.add(path).catch(() => {});
  await cache.put(SHELL, page);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin || !url.pathname.startsWith(SHELL)) return;
  if (request.mode === 'navigate') event.respondWith(page(event));
  else if (url.pathname.includes('/immutable/') || files.includes(url.pathname)) event.respondWith(file(request));
});

/** The server's page when it answers soon; else the kept one. */
async function page(event: FetchEvent): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(event.request, { signal: AbortSignal.timeout(4_000) });
    if (answer.ok) {
      event.waitUntil(put(cache, answer.clone()).catch(() => {}));
      return answer;
    }
    if (answer.status < 500) return answer;
    return (await cache.match(SHELL)) ?? answer;
  } catch {
    return (await cache.match(SHELL)) ?? Response.error();
  }
}

async function file(request: Request): Promise<Response> {
  const held = await caches.match(request, { ignoreSearch: true });
  if (held) return held;
  const answer = await fetch(request);
  if (answer.ok && request.url.includes('/immutable/')) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

// A click on a notification leads to what waits.
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const path = String((event.notification.data as { path?: string } | null)?.path ?? '/ui/approvals');
  event.waitUntil(
    (async () => {
      const open = (await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) as WindowClient[];
      const here = open.find((client) => new URL(client.url).pathname.startsWith(SHELL));
      if (!here) return void (await self.clients.openWindow(path));
      await here.focus();
      here.postMessage({ go: path });
    })()
  );
});
