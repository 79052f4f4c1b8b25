import { afterEach, vi } from 'vitest';
import { cleanup } from '@testing-library/svelte';

// jsdom lays nothing out, so that nothing changes its size, and scrolls nothing.
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};
Element.prototype.scrollIntoView ??= () => {};

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  sessionStorage.clear();
});
