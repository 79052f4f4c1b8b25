import { describe, expect, it } from 'vitest';
import { asMany, inPlace, joined } from './pages';

/** A list of so many, and how it was asked for. */
function list(count: number) {
  const asked: [number, string | undefined][] = [];
  const all = Array.from({ length: count }, (_, index) => index);
  const read = (limit: number, cursor?: string) => {
    asked.push([limit, cursor]);
    const end = Number(cursor ?? 0) + limit;
    return Promise.resolve({ items: all.slice(Number(cursor ?? 0), end), next_cursor: end < count ? String(end) : null, counts: asked.length });
  };
  return { asked, read };
}

describe('a list that is read again', () => {
  it('is a page of it when nothing is shown yet', async () => {
    const { asked, read } = list(700);
    const found = await asMany(0, 100, read);
    expect([found.items.length, found.next_cursor, asked]).toEqual([100, '100', [[100, undefined]]]);
  });
  it('holds as many as are shown, also more than the server gives at once', async () => {
    const { asked, read } = list(1_400);
    const found = await asMany(1_150, 100, read);
    expect(asked).toEqual([[500, undefined], [500, '500'], [150, '1000']]);
    expect(found.items).toEqual(Array.from({ length: 1_150 }, (_, index) => index));
    expect([found.next_cursor, found.counts]).toEqual(['1150', 1]);
  });
  it('ends where it ends by now, and is not read for ever', async () => {
    const shorter = await asMany(1_150, 100, list(620).read);
    expect([shorter.items.length, shorter.next_cursor]).toEqual([620, null]);
    const { asked, read } = list(100_000);
    const long = await asMany(90_000, 100, read);
    expect([long.items.length, long.next_cursor, asked.length]).toEqual([5_000, '5000', 10]);
  });
  it('stays in the order in which it is shown, with what is new behind it', () => {
    const hit = (id: string, title: string) => ({ id, title });
    const found = [hit('d', 'new'), hit('c', 'now'), hit('a', 'now')];
    expect(inPlace(found, [hit('a', 'then'), hit('b', 'then'), hit('c', 'then')], ({ id }) => id)).toEqual([hit('a', 'now'), hit('c', 'now'), hit('d', 'new')]);
  });
  it('is joined with what is shown below it, where it reaches down to that', () => {
    const seqs = (...numbers: number[]) => numbers.map((seq) => ({ seq }));
    expect(joined(seqs(9, 8, 7, 6), seqs(7, 6, 5, 3))).toEqual(seqs(9, 8, 7, 6, 5, 3));
    expect(joined(seqs(9, 8), seqs(7, 6))).toEqual(seqs(9, 8));
    expect([joined(seqs(9, 8), []), joined([], seqs(7))]).toEqual([seqs(9, 8), []]);
  });
});
