// Lists that come in pages, read again while somebody reads in them.

/** The server gives no more at once. */
const STEP = 500;
/** Of what is shown, no more is read again. */
const MOST = 5_000;

interface Page {
  items: unknown[];
  next_cursor?: string | null;
}

/** Reads a list from its beginning on: as many as are shown, at least `least`. What a page says beside is that of the first. */
export async function asMany<P extends Page>(shown: number, least: number, read: (limit: number, cursor?: string) => Promise<P>): Promise<P> {
  const wanted = Math.min(MOST, Math.max(least, shown));
  const first = await read(Math.min(STEP, wanted));
  const items: unknown[] = [...first.items];
  let next: string | null | undefined = first.next_cursor;
  while (next && items.length < wanted) {
    const page = await read(Math.min(STEP, wanted - items.length), next);
    items.push(...page.items);
    next = page.next_cursor;
    if (!page.items.length) break;
  }
  return { ...first, items, next_cursor: next };
}

/** What was found anew, in the order in which it is shown: nothing moves under the hands of whoever walks there. What is new comes behind. */
export function inPlace<T extends object>(found: readonly T[], shown: readonly T[], key: (item: T) => string): T[] {
  const left = new Map(found.map((item) => [key(item), item]));
  const stay: T[] = [];
  for (const item of shown) {
    const now = left.get(key(item));
    if (now && left.delete(key(item))) stay.push(now);
  }
  return [...stay, ...left.values()];
}

/** Of a list that grows at its beginning: what was read anew of that, with what is shown below. It stands alone when it does not reach down to that. */
export function joined<T extends { seq: number }>(found: readonly T[], shown: readonly T[]): T[] {
  const [last, top] = [found.at(-1), shown[0]];
  if (!last || !top || last.seq > top.seq) return [...found];
  return [...found, ...shown.filter((item) => item.seq < last.seq)];
}
