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

export default defineConfig({
  plugins: [withoutOwnStyle, sveltekit()],
  server: { proxy: { '/api': passOn, '/openapi.json': passOn, '/versionz': passOn } },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'jsdom', testTimeout: 30_000, setupFiles: ['src/test-setup.ts'] }
});
