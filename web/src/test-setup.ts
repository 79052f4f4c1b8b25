import { afterEach, vi } from 'vitest';
import { cleanup } from '@testing-library/svelte';

// jsdom lays nothing out, so that nothing changes its size, and scrolls nothing.
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};
// Some tests have no page.
if (typeof Element !== 'undefined') Element.prototype.scrollIntoView ??= () => {};

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  if (typeof sessionStorage !== 'undefined') sessionStorage.clear();
});
