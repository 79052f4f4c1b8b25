// Makes of build/ what the server embeds, in dist/: no script stands in a page (the policy allows none), and each file
// that gains by it stands beside its brotli and gzip form.
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
const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)];
await mkdir(join(dist, '_app/immutable'), { recursive: true });
for (const [whole, code] of inline) {
  const name = `_app/immutable/boot.${createHash('sha256').update(code).digest('hex').slice(0, 10)}.js`;
  await writeFile(join(dist, name), code);
  html = html.replace(whole, () => `<script src="/ui/${name}"></script>`);
}
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
