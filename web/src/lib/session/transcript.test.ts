import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logIn } from '../../test-server';
import { GAP } from '../ui/feed.svelte';
import type { Item, Tool } from './reduce';
import Transcript from './Transcript.svelte';

const AT = '2026-01-01T00:00:00Z';
const words = (seq: number, text = `words ${seq}`): Item => ({ seq, at: AT, rev: 0, type: 'message', text, cut: false });
const call = (seq: number): Tool => ({ seq, at: AT, rev: 0, type: 'tool', id: `c${seq}`, title: `call ${seq}`, kind: 'other', status: 'completed', input: { seq }, parts: [{ kind: 'text', text: `output ${seq}` }], locations: [], raw: {}, cut: false });
const many = (count: number, from = 1) => Array.from({ length: count }, (_, index) => (index % 5 ? words(from + index) : call(from + index)));

const watched = new Set<Watcher>();
class Watcher implements ResizeObserver {
  #elements = new Set<Element>();
  constructor(private readonly tell: ResizeObserverCallback) {
    watched.add(this);
  }
  observe = (element: Element): void => void this.#elements.add(element);
  unobserve = (element: Element): void => void this.#elements.delete(element);
  disconnect = (): void => this.#elements.clear();
  deliver(): void {
    this.tell([...this.#elements].map((target) => ({ target, borderBoxSize: [{ blockSize: target.getBoundingClientRect().height }] }) as unknown as ResizeObserverEntry), this);
  }
}

/** An area of 600 px whose rows stand below each other: jsdom lays nothing out. */
function area(): HTMLElement {
  const element = document.createElement('div');
  element.tabIndex = 0;
  document.body.append(element);
  Object.defineProperties(element, { clientHeight: { value: 600 }, scrollHeight: { get: () => 10_000_000 } });
  vi.stubGlobal('ResizeObserver', Watcher);
  vi.spyOn(Element.prototype, 'getBoundingClientRect').mockImplementation(function (this: Element) {
    let [top, height] = [0, this === element ? 600 : 0];
    const list = this.closest<HTMLElement>('.transcript');
    if (list && (this === list || this.parentElement === list)) top = -element.scrollTop;
    if (list && this.parentElement === list)
      for (const row of list.children as unknown as Iterable<HTMLElement>) {
        height = row.style.height ? parseFloat(row.style.height) : row.classList.contains('of-tool') ? 50 : 30;
        if (row === this) break;
        top += height + GAP;
      }
    return { top, bottom: top + height, height, left: 0, right: 860, width: 860, x: 0, y: top, toJSON: () => ({}) };
  });
  return element;
}
/** Lays out and draws until nothing changes. */
async function drawn(): Promise<void> {
  for (let times = 0; times < 4; times += 1) {
    await tick();
    for (const watcher of watched) watcher.deliver();
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
const rows = () => [...document.querySelectorAll<HTMLElement>('.transcript > [data-key]')];
const sequence = () => rows().map((row) => Number(row.dataset.key));
const topOf = (key: number) => document.querySelector(`[data-key="${key}"]`)!.getBoundingClientRect().top;
async function scrolled(element: HTMLElement, top: number) {
  element.scrollTop = top;
  await fireEvent.scroll(element);
  await drawn();
}

afterEach(() => {
  watched.clear();
  vi.restoreAllMocks();
});
beforeEach(() => logIn('viewer'));

describe('a long conversation', () => {
  it('has only its end in the page, with the places of its rows', async () => {
    const items = many(25_000);
    render(Transcript, { items, live: false, area: area(), whole: true });
    await drawn();
    expect(rows().length).toBeLessThan(150);
    expect(sequence().at(-1)).toBe(25_000);
    const last = rows().at(-1)!;
    expect([last.getAttribute('aria-posinset'), last.getAttribute('aria-setsize')]).toEqual(['25000', '25000']);
    // The room of the others is held open.
    expect(parseFloat((document.querySelector('.transcript')?.firstElementChild as HTMLElement).style.height)).toBeGreaterThan(100_000);
  });
  it('says that it does not know how many there are until its beginning is there', async () => {
    render(Transcript, { items: many(10), live: false, area: area() });
    await drawn();
    expect(rows()[0]?.getAttribute('aria-setsize')).toBe('-1');
  });
  it('follows what comes at its end, and keeps its place when somebody reads above it', async () => {
    const [element, items] = [area(), many(2_000)];
    const props = { items, live: true, area: element, atEnd: true };
    const { rerender } = render(Transcript, props);
    await drawn();
    await rerender({ ...props, items: [...items, ...many(300, 2_001)] });
    await drawn();
    expect(sequence().at(-1)).toBe(2_300);
    // The end is left by scrolling upwards; older and newer rows then move nothing.
    await scrolled(element, 30_000);
    const before = sequence();
    expect(before.at(-1)).toBeLessThan(2_000);
    const [read, at] = [before[Math.floor(before.length / 2)]!, topOf(before[Math.floor(before.length / 2)]!)];
    await rerender({ ...props, atEnd: false, items: [...many(300, -299), ...items, ...many(600, 2_001)] });
    await drawn();
    expect(sequence()).toContain(read);
    expect(document.querySelector(`[data-key="${read}"]`)?.getAttribute('aria-posinset')).toBe(String(read + 300));
    expect(Math.abs(topOf(read) - at)).toBeLessThan(1);
  });
  it('goes to its end by the key of that name, and not when the key is meant for something inside', async () => {
    const [element, items] = [area(), many(2_000)];
    render(Transcript, { items, live: false, area: element });
    await drawn();
    await scrolled(element, 20_000);
    const inside = document.createElement('pre');
    element.append(inside);
    expect(await fireEvent.keyDown(inside, { key: 'End' })).toBe(true);
    await drawn();
    expect(sequence().at(-1)).toBeLessThan(2_000);
    expect(await fireEvent.keyDown(element, { key: 'End' })).toBe(false);
    await drawn();
    expect(sequence().at(-1)).toBe(2_000);
  });
  it('keeps open what was opened, also out of the page', async () => {
    const [element, items] = [area(), many(2_000)];
    render(Transcript, { items, live: false, area: element });
    await drawn();
    const key = sequence().findLast((one) => (one - 1) % 5 === 0)!;
    const details = () => document.querySelector<HTMLDetailsElement>(`[data-key="${key}"] details`);
    details()!.open = true;
    await fireEvent(details()!, new Event('toggle'));
    await scrolled(element, 1_000);
    expect(details()).toBeNull();
    await scrolled(element, 10_000_000 - 600);
    expect(details()?.open).toBe(true);
    expect(screen.getByText(`output ${key}`)).toBeTruthy();
  });
  it('gives the focus of what leaves the page to what scrolls', async () => {
    const [element, items] = [area(), many(2_000)];
    render(Transcript, { items, live: false, area: element });
    await drawn();
    const summary = document.querySelector<HTMLElement>('.transcript summary')!;
    summary.tabIndex = 0;
    summary.focus();
    expect(document.activeElement).toBe(summary);
    await scrolled(element, 1_000);
    expect(document.activeElement).toBe(element);
  });
  it('keeps what is selected in the page, so that it can be copied', async () => {
    const [element, items] = [area(), many(2_000)];
    render(Transcript, { items, live: false, area: element });
    await drawn();
    await scrolled(element, 20_000);
    const row = rows()[Math.floor(rows().length / 2)]!;
    const key = Number(row.dataset.key);
    vi.stubGlobal('getSelection', () => ({ isCollapsed: false, anchorNode: row.firstChild, focusNode: row.firstChild }));
    document.dispatchEvent(new Event('selectionchange'));
    await scrolled(element, 26_000);
    expect(sequence()).toContain(key);
    vi.stubGlobal('getSelection', () => ({ isCollapsed: true, anchorNode: null, focusNode: null }));
    document.dispatchEvent(new Event('selectionchange'));
    await drawn();
    expect(sequence()).not.toContain(key);
  });
});
