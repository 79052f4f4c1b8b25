// Makes of build/ what the server embeds, in dist/: no script stands in a page (the policy allows none), what a place is made
// of is asked for at once instead of when the part before it has run, and each file that gains by it stands beside its
// brotli and gzip form.
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = new URL('..', import.meta.url).pathname;
const [build, dist] = [join(root, 'build'), join(root, 'dist')];

for (const name of await readdir(dist)) if (name !== '.gitignore') await rm(join(dist, name), { recursive: true });
await cp(build, dist, { recursive: true });

// What the reader of PDFs asks for by name: images in JPEG 2000.
await mkdir(join(dist, 'pdf'));
await cp(join(root, 'node_modules/pdfjs-dist/wasm/openjpeg_nowasm_fallback.js'), join(dist, 'pdf/openjpeg_nowasm_fallback.js'));

const page = join(dist, 'index.html');
let html = await readFile(page, 'utf8');

// Files that a node of SvelteKit is made of, without those that the page itself names.
const manifest = JSON.parse(await readFile(join(root, '.svelte-kit/output/client/.vite/manifest.json'), 'utf8'));
function partsOf(node) {
  const [parts, waiting] = [new Set(), [`.svelte-kit/generated/client-optimized/nodes/${node}.js`]];
  const seen = new Set(waiting);
  for (const key of waiting) {
    const { file, css = [], imports = [] } = manifest[key];
    for (const part of [file, ...css]) if (!html.includes(part)) parts.add(`/ui/${part}`);
    for (const other of imports) if (!seen.has(other)) seen.add(other) && waiting.push(other);
  }
  return [...parts];
}
const app = await readFile(join(root, '.svelte-kit/generated/client-optimized/app.js'), 'utf8');
const places = [...app.matchAll(/^\s*"(\/[^"]*)": \[(\d+)(?:,\[(\d+)\])?\]/gm)].map(([, id, leaf, layout]) => ({
  path: `^/ui${id.replace(/\/\(\w+\)/g, '').replace(/\[\w+\]/g, '[^/]+')}/?$`,
  // Nodes 0 and 1 are the outermost layout and its page of errors.
  parts: [...new Set([1, layout, leaf].filter(Boolean).flatMap(partsOf))],
  isInside: layout !== undefined
}));
if (places.length < 15 || !places.some(({ path }) => path === '^/ui/?$')) throw new Error('the places of the UI were not found');
// Inside, who is here is always the first question; the client asks it in the same words, and takes this answer.
const ahead = `for (const [path, ...parts] of ${JSON.stringify(places.map(({ path, parts, isInside }) => [path, ...(isInside ? ['/api/v1/auth/whoami'] : []), ...parts]))}) {
  if (!new RegExp(path).test(location.pathname)) continue;
  for (const href of parts) {
    const link = document.createElement('link');
    if (href.endsWith('.js')) link.rel = 'modulepreload';
    else {
      link.rel = 'preload';
      link.as = href.endsWith('.css') ? 'style' : 'fetch';
      link.crossOrigin = 'anonymous';
    }
    link.href = href;
    document.head.append(link);
  }
  break;
}
`;

await mkdir(join(dist, '_app/immutable'), { recursive: true });
/** A script of its own, and the element that runs it. */
async function script(what, code) {
  const name = `_app/immutable/${what}.${createHash('sha256').update(code).digest('hex').slice(0, 10)}.js`;
  await writeFile(join(dist, name), code);
  return `<script src="/ui/${name}"></script>`;
}
for (const [whole, code] of [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)]) {
  const element = await script('boot', code);
  html = html.replace(whole, () => element);
}
// Before the styles, which scripts wait for.
const early = await script('ahead', ahead);
html = html.replace('<title>', () => `${early}\n    <title>`);
if (/<script(?![^>]*\ssrc=)|\sstyle=|<style/.test(html)) throw new Error('the page still holds a script or style of its own');
await writeFile(page, html);

let [first, all] = [0, 0];
for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(m?js|css|html|json|svg|webmanifest|txt)$/.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const bytes = await readFile(path);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gzip = gzipSync(bytes, { level: 9 });
  if (brotli.length < bytes.length) await writeFile(`${path}.br`, brotli);
  if (gzip.length < bytes.length) await writeFile(`${path}.gz`, gzip);
  const size = Math.min(brotli.length, bytes.length);
  if (/\.m?js$/.test(path)) {
    all += size;
    if (html.includes(path.slice(dist.length))) first += size;
  }
}
console.log(`JavaScript: ${(first / 1000).toFixed(1)} kB brotli at first, ${(all / 1000).toFixed(1)} kB in all`);
if (first > 180_000) throw new Error('the page loads more than 180 kB of JavaScript at first');
