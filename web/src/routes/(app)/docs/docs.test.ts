import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AT, logIn, serve, type Asked } from '../../../test-server';
import Docs from './+page.svelte';

vi.mock('$app/state', () => ({ page: { url: new URL('http://localhost/ui/docs'), params: {} } }));
vi.mock('$app/navigation', () => ({ goto: () => Promise.resolve() }));

beforeEach(() => {
  logIn('viewer');
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => void vi.useRealTimers());

describe('the list of docs', () => {
  it('keeps all that is shown when it is read again', async () => {
    let round = 1;
    const asked = serve({
      'GET /api/v1/docs': ({ search }: Asked) => {
        const [from, limit] = [Number(search.get('cursor') ?? 0), Number(search.get('limit'))];
        const items = Array.from({ length: Math.min(limit, 900 - from) }, (_, index) => ({ id: `doc_${from + index}`, kind: 'doc', mission: 'apollo', name: `doc-${from + index}`, title: `Doc ${from + index} of round ${round}`, state: 'draft', latest_version: 1, updated_at: AT }));
        return { items, next_cursor: from + limit < 900 ? String(from + limit) : null };
      },
      'GET /api/v1/artifacts': () => ({ items: [], next_cursor: null })
    });
    render(Docs);
    const list = await screen.findByRole('list', { name: 'Docs' });
    const count = () => Number(within(list).getAllByRole('listitem')[0]?.getAttribute('aria-setsize'));
    for (let wanted = 200; wanted <= 700; wanted += 100) {
      list.scrollTop = 58 * (wanted - 101);
      await fireEvent.scroll(list);
      await waitFor(() => expect(count()).toBe(wanted));
    }
    round = 2;
    asked.length = 0;
    vi.setSystemTime(Date.now() + 60_000);
    document.dispatchEvent(new Event('visibilitychange'));
    await within(list).findByText('Doc 599 of round 2');
    expect(count()).toBe(700);
    expect(asked.filter(({ path }) => path === '/api/v1/docs').map(({ search }) => [search.get('limit'), search.get('cursor')])).toEqual([['500', null], ['200', '500']]);
  });
});
