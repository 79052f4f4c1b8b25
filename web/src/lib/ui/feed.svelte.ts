// A long list whose rows differ in height: only what is near the view, and what is selected, is in the page. Heights are
// measured where rows were seen and guessed elsewhere. What is read stays where it is while rows come, go or grow; at the
// end the list follows what comes.
import { untrack } from 'svelte';

/** Between two rows. */
export const GAP = 16;
/** So near to the end counts as at the end. */
const NEAR = 60;
/** So much above and below the view is in the page, at least. */
const OVER = 600;
/** A selection keeps no more rows in the page than these. */
const MOST_HELD = 400;

/** Where rows begin, by their heights; the last number is where the list ends. */
export function topsOf(count: number, height: (index: number) => number): Float64Array {
  const tops = new Float64Array(count + 1);
  for (let index = 0; index < count; index += 1) tops[index + 1] = (tops[index] ?? 0) + height(index) + GAP;
  return tops;
}

/** The last of `count` ascending values that is not above `wanted`; the first when all are. */
export function indexAt(count: number, value: (index: number) => number, wanted: number): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (value(middle) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface Options<T> {
  items: () => readonly T[];
  /** Ascends from row to row; when a row goes, the one before it took it in. */
  key: (item: T) => number;
  /** The height of a row that was not seen yet, in a list of this width. */
  guess: (item: T, width: number) => number;
  /** What scrolls. */
  area: () => HTMLElement | null;
  /** Whether it follows the end, and being told that it does or does not any more. */
  follows: () => boolean;
  follow: (end: boolean) => void;
}

/** What is at the upper edge of the view: a row, how much of it is above the edge, and how much below. */
interface Place {
  key: number;
  above: number;
  below: number;
}

export class Feed<T> {
  readonly #with: Options<T>;
  #heights = new Map<number, number>();
  /** Counts up when heights were measured. */
  #measured = $state(0);
  #room = $state(900);
  #width = $state(860);
  #place = $state.raw<Place | null>(null);
  #held = $state.raw<readonly [number, number] | null>(null);
  #list: HTMLElement | null = null;
  #last = 0;
  #frame = 0;
  #watcher: ResizeObserver;

  #tops = $derived.by(() => {
    void this.#measured;
    const [items, width] = [this.#with.items(), this.#width];
    return topsOf(items.length, (index) => {
      const item = items[index] as T;
      return this.#heights.get(this.#with.key(item)) ?? this.#with.guess(item, width);
    });
  });
  #range = $derived.by((): readonly [number, number] => {
    const count = this.#with.items().length;
    if (count === 0) return [0, 0];
    const [tops, over] = [this.#tops, Math.max(OVER, this.#room)];
    const row = (y: number) => indexAt(count, (index) => tops[index] ?? 0, y);
    const top = this.#with.follows() ? (tops[count] ?? 0) - this.#room : this.#topOf(this.#place);
    let [first, end] = [row(top - over), row(top + this.#room + over) + 1];
    if (this.#held) {
      const [from, to] = this.#held;
      first = Math.min(first, Math.max(this.#index(from), end - MOST_HELD));
      end = Math.max(end, Math.min(this.#index(to) + 1, first + MOST_HELD));
    }
    return [first, end];
  });
  /** The place of the first row that is shown, and of the first after those. */
  first = $derived(this.#range[0]);
  #end = $derived(this.#range[1]);
  shown = $derived.by(() => this.#with.items().slice(this.first, this.#end));
  /** The room of the rows before those that are shown, and of those after them: the height of a row in their place, 0 for none. */
  before = $derived(Math.max(0, (this.#tops[this.first] ?? 0) - GAP));
  after = $derived.by(() => Math.max(0, (this.#tops[this.#with.items().length] ?? 0) - (this.#tops[this.#end] ?? 0) - GAP));

  /** Called while a component begins. */
  constructor(options: Options<T>) {
    this.#with = options;
    this.#watcher = new ResizeObserver((entries) => this.#resized(entries));
    $effect.pre(() => {
      void this.shown;
      untrack(() => this.#refocus());
    });
    $effect(() => {
      const area = options.area();
      if (!area) return;
      const scrolled = () => this.#scrolled(area);
      const selected = () => this.#selected();
      // Rows are measured on the way, and the end is further down than the browser knows.
      const pressed = (event: KeyboardEvent) => {
        if (event.key !== 'End' || event.target !== area || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        options.follow(true);
      };
      area.addEventListener('scroll', scrolled, { passive: true });
      area.addEventListener('keydown', pressed);
      document.addEventListener('selectionchange', selected);
      this.#watcher.observe(area);
      return () => {
        area.removeEventListener('scroll', scrolled);
        area.removeEventListener('keydown', pressed);
        document.removeEventListener('selectionchange', selected);
        this.#watcher.unobserve(area);
      };
    });
    $effect(() => {
      // What is read elsewhere is put back when it was laid out: browsers do most of it, and better.
      void [this.shown, this.before];
      if (options.follows() && options.area()) untrack(() => this.#keep());
    });
    $effect(() => () => {
      this.#watcher.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  /** Attached to the list. */
  list = (element: HTMLElement): (() => void) => {
    this.#list = element;
    this.#watcher.observe(element);
    return () => {
      this.#list = null;
      this.#watcher.unobserve(element);
    };
  };
  /** Attached to each row, which has its key as `data-key`. */
  row = (element: HTMLElement): (() => void) => {
    this.#watcher.observe(element);
    return () => this.#watcher.unobserve(element);
  };

  #index(key: number): number {
    const items = this.#with.items();
    return indexAt(items.length, (index) => this.#with.key(items[index] as T), key);
  }

  #topOf(place: Place | null): number {
    const items = this.#with.items();
    if (!place || items.length === 0) return 0;
    const index = this.#index(place.key);
    const [top = 0, next = 0] = this.#tops.slice(index, index + 2);
    return this.#with.key(items[index] as T) === place.key ? top + place.above : next - GAP - place.below;
  }

  #rowOf(node: Node | null | undefined): HTMLElement | null {
    const row = (node instanceof Element ? node : node?.parentElement)?.closest<HTMLElement>('[data-key]') ?? null;
    return row && this.#list?.contains(row) ? row : null;
  }

  #rows(): HTMLElement[] {
    return this.#list ? [...this.#list.querySelectorAll<HTMLElement>(':scope > [data-key]')] : [];
  }

  /** Remembers what is at the upper edge of the view. */
  #look(area: HTMLElement): void {
    const found = this.#seen(area);
    const held = this.#place;
    if (found && held && found.key === held.key && Math.abs(found.above - held.above) < 1 && Math.abs(found.below - held.below) < 1) return;
    this.#place = found;
  }

  #seen(area: HTMLElement): Place | null {
    const [list, items] = [this.#list, this.#with.items()];
    if (!list || items.length === 0) return null;
    const edge = area.getBoundingClientRect().top;
    for (const row of this.#rows()) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom <= edge) continue;
      const key = Number(row.dataset.key);
      // Above a row that begins below the edge is what was not drawn yet, unless it is the first of all.
      if (top > edge + GAP && key !== this.#with.key(items[0] as T)) break;
      return { key, above: edge - top, below: bottom - edge };
    }
    const y = edge - list.getBoundingClientRect().top;
    const index = indexAt(items.length, (at) => this.#tops[at] ?? 0, y);
    const [top = 0, next = 0] = this.#tops.slice(index, index + 2);
    return { key: this.#with.key(items[index] as T), above: y - top, below: next - GAP - y };
  }

  /** Puts what is read back to where it was, or goes on to the end. */
  #keep(): void {
    const area = this.#with.area();
    if (!area || !this.#list) return;
    const place = this.#place;
    if (this.#with.follows()) area.scrollTop = area.scrollHeight;
    else if (place) {
      const edge = area.getBoundingClientRect().top;
      const item = this.#with.items()[this.#index(place.key)];
      const key = item === undefined ? -1 : this.#with.key(item);
      const box = this.#list.querySelector(`:scope > [data-key="${key}"]`)?.getBoundingClientRect();
      // Of a row that was taken in by the one before it, the end is what was read.
      const shift = !box ? 0 : key === place.key ? box.top + place.above - edge : box.bottom - place.below - edge;
      if (Math.abs(shift) >= 1) area.scrollTop += shift;
    }
    this.#last = area.scrollTop;
    this.#look(area);
  }

  #scrolled(area: HTMLElement): void {
    const now = area.scrollTop;
    // Only who scrolls upwards leaves the end; it also goes away by itself, when something comes.
    if (area.scrollHeight - now - area.clientHeight < NEAR) this.#with.follow(true);
    else if (now < this.#last) this.#with.follow(false);
    this.#last = now;
    this.#look(area);
  }

  /** Told before it is painted: what is read stays in place at once, and the next frame reckons with what was measured. */
  #resized(entries: ResizeObserverEntry[]): void {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      if (!(target instanceof HTMLElement) || !target.isConnected) continue;
      if (target.dataset.key === undefined) {
        changed ||= target !== this.#list;
        continue;
      }
      const [key, height] = [Number(target.dataset.key), borderBoxSize[0]?.blockSize ?? target.offsetHeight];
      changed ||= this.#heights.get(key) !== height;
      this.#heights.set(key, height);
    }
    this.#keep();
    if (changed)
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.#measure();
      });
  }

  #measure(): void {
    const [area, list] = [this.#with.area(), this.#list];
    if (!area || !list) return;
    this.#room = area.clientHeight || this.#room;
    if (list.clientWidth && list.clientWidth !== this.#width) {
      this.#width = list.clientWidth;
      // What was measured was measured of narrower or wider rows.
      this.#heights.clear();
      for (const row of this.#rows()) this.#heights.set(Number(row.dataset.key), row.getBoundingClientRect().height);
    }
    this.#measured += 1;
  }

  /** What leaves the page does not take the focus with it: the next key scrolls on. */
  #refocus(): void {
    const row = this.#rowOf(document.activeElement);
    const [first, last] = [this.shown[0], this.shown.at(-1)];
    if (!row || first === undefined || last === undefined) return;
    const key = Number(row.dataset.key);
    if (key < this.#with.key(first) || key > this.#with.key(last)) this.#with.area()?.focus({ preventScroll: true });
  }

  /** What is selected stays in the page, so that it can be copied. */
  #selected(): void {
    const selection = getSelection();
    const rows = selection && !selection.isCollapsed ? [this.#rowOf(selection.anchorNode), this.#rowOf(selection.focusNode)] : [];
    const keys = rows.flatMap((row) => (row ? [Number(row.dataset.key)] : [])).sort((a, b) => a - b);
    const [from, to] = [keys[0], keys.at(-1)];
    this.#held = from === undefined || to === undefined ? null : [from, to];
  }
}
