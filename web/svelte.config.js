import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** @type {import('@sveltejs/kit').Config} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true) },
  kit: {
    adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html' }),
    paths: { base: '/ui', relative: false },
    version: { pollInterval: 0 },
    // The page registers it itself, when it has been drawn.
    serviceWorker: { register: false },
    output: { preloadStrategy: 'modulepreload' }
  }
};
