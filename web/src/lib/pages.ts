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
