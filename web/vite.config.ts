import { sveltekit } from '@sveltejs/kit/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` passes the API on to a running server; MC_DEV_TOKEN stands in for a login.
const server = process.env.MC_BASE_URL ?? 'http://127.0.0.1:8008';
const token = process.env.MC_DEV_TOKEN;
const passOn = { target: server, ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}) };

/** Parts of others that bring a style of their own, which our policy refuses; app.css says the same. */
const withoutOwnStyle: Plugin = {
  name: 'parts-without-own-style',
  enforce: 'pre',
  transform(code, id) {
    const file = id.split('?')[0] ?? '';
    if (file.endsWith('/generated/root.svelte')) return code.replace(/(id="svelte-announcer"[^>]*?)\sstyle="[^"]*"/, '$1');
    if (file.includes('/bits-ui/') && file.endsWith('.svelte')) return code.replaceAll('style="display: contents;"', 'class="contents"');
    return undefined;
  }
};

const here = (path: string) => new URL(path, import.meta.url).pathname;
const HOME = [
  'node_modules/@sveltejs/kit/src/runtime/client/entry.js',
  '.svelte-kit/generated/client-optimized/app.js',
  'src/routes/+layout.ts',
  'src/routes/+layout.svelte',
  'src/routes/+error.svelte',
  'src/routes/(app)/+layout.svelte',
  'src/routes/(app)/+page.svelte'
].map(here);

interface Modules {
  getModuleInfo(id: string): { importedIds: readonly string[] } | null;
}
/** All that Home is made of in one file, and what several other places have in common in another: a request costs more than
 * the bytes that a place does not need. */
const fewFiles: Plugin = {
  name: 'few-files',
  outputOptions(options) {
    if (this.environment.name !== 'client') return options;
    let ofHome: Set<string> | null = null;
    const home = (id: string, chunking: Modules): string | null => {
      if (!ofHome) {
        const waiting = [...HOME];
        ofHome = new Set(waiting);
        for (let next = waiting.pop(); next; next = waiting.pop()) {
          const module = chunking.getModuleInfo(next);
          if (!module) throw new Error(`Home is made of ${next}, which is not there`);
          for (const other of module.importedIds) if (!ofHome.has(other)) ofHome.add(other) && waiting.push(other);
        }
      }
      return ofHome.has(id) ? 'home' : null;
    };
    return { ...options, codeSplitting: { groups: [{ name: home, debugName: 'home', priority: 1 }, { name: 'shared', minShareCount: 3 }] } };
  }
};

export default defineConfig({
  plugins: [withoutOwnStyle, fewFiles, sveltekit()],
  server: { proxy: { '/api': passOn, '/openapi.json': passOn, '/versionz': passOn } },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'jsdom', testTimeout: 30_000, setupFiles: ['src/test-setup.ts'] }
});
