import { sveltekit } from '@sveltejs/kit/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` passes the API on to a running server; MC_DEV_TOKEN stands in for a login.
const server = process.env.MC_BASE_URL ?? 'http://127.0.0.1:8008';
const token = process.env.MC_DEV_TOKEN;
const passOn = { target: server, ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}) };

/** The announcer of SvelteKit brings a style of its own, which our policy refuses; app.css has the same. */
const withoutOwnStyle: Plugin = {
  name: 'announcer-without-style',
  enforce: 'pre',
  transform: (code, id) => (id.split('?')[0]?.endsWith('/generated/root.svelte') ? code.replace(/(id="svelte-announcer"[^>]*?)\sstyle="[^"]*"/, '$1') : undefined)
};

export default defineConfig({
  plugins: [withoutOwnStyle, sveltekit()],
  server: { proxy: { '/api': passOn, '/openapi.json': passOn, '/versionz': passOn } },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'jsdom', setupFiles: ['src/test-setup.ts'] }
});
