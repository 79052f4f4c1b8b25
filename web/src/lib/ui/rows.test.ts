import { fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet, tick } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import { indexAt, topsOf } from './feed.svelte';
import Rows from './Rows.svelte';

const row = createRawSnippet<[string, number]>((item) => ({ render: () => `<a href="#x">${item()}</a>` }));
const names = (count: number) => Array.from({ length: count }, (_, index) => `row ${index}`);

describe('a list of rows of one height', () => {
  it('has in the page only what is near the view, and says how many there are', async () => {
    render(Rows<string>, { items: names(100_000), height: 40, key: (item: string) => item, row, label: 'Many' });
    const list = screen.getByRole('list', { name: 'Many' });
    expect(screen.getAllByRole('listitem').length).toBeLessThan(40);
    expect(screen.getByText('row 0')).toBeTruthy();
    list.scrollTop = 40 * 50_000;
    await fireEvent.scroll(list);
    const shown = screen.getAllByRole('listitem');
    expect(shown.length).toBeLessThan(40);
    expect(screen.queryByText('row 0')).toBeNull();
    const found = screen.getByText('row 50000').closest('[role="listitem"]') as HTMLElement;
    expect([found.getAttribute('aria-setsize'), found.getAttribute('aria-posinset'), found.style.transform]).toEqual(['100000', '50001', `translateY(${40 * 50_000}px)`]);
  });
  it('asks for more near its end, and again when more came', async () => {
    const onEnd = vi.fn();
    const props = { items: names(500), height: 40, key: (item: string) => item, row, label: 'Many', onEnd };
    const { rerender } = render(Rows<string>, props);
    await tick();
    expect(onEnd).not.toHaveBeenCalled();
    const list = screen.getByRole('list', { name: 'Many' });
    list.scrollTop = 40 * 490;
    await fireEvent.scroll(list);
    expect(onEnd).toHaveBeenCalledTimes(1);
    await rerender({ ...props, items: names(502) });
    expect(onEnd).toHaveBeenCalledTimes(2);
    expect(list.scrollTop).toBe(40 * 490);
  });
});

describe('where rows of different heights stand', () => {
  it('is found by their heights', () => {
    const tops = topsOf(4, (index) => [10, 200, 0, 30][index]!);
    expect([...tops]).toEqual([0, 26, 242, 258, 304]);
    const at = (y: number) => indexAt(4, (index) => tops[index]!, y);
    expect([-5, 0, 25, 26, 241, 242, 258, 9_999].map(at)).toEqual([0, 0, 0, 1, 1, 2, 3, 3]);
  });
});
