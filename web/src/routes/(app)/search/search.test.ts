import { render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AT, logIn, serve } from '../../../test-server';
import Search from './+page.svelte';

vi.mock('$app/state', () => ({ page: { url: new URL('http://localhost/ui/search?q=radar'), params: {} } }));
vi.mock('$app/navigation', () => ({ goto: () => Promise.resolve() }));

const hit = (key: string, title: string) => ({ id: `task_${key}`, kind: 'task', key, title, state: 'ready', highlights: [], lexical: 0.5, vector: 0.5, updated_at: AT });
const order = () => [...document.querySelectorAll<HTMLElement>('[data-hit]')].map((row) => row.dataset.hit);

beforeEach(() => {
  logIn('viewer');
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => void vi.useRealTimers());

describe('what was found', () => {
  it('is current when the page is shown again, and stays in its order', async () => {
    let hits = [hit('a', 'Turn the radar'), hit('b', 'Paint the radar'), hit('c', 'Polish the radar')];
    serve({ 'GET /api/v1/search': () => ({ items: hits, next_cursor: null, counts: [] }) });
    render(Search);
    await waitFor(() => expect(order()).toEqual(['task_a', 'task_b', 'task_c']));
    hits = [hit('d', 'Sell the radar'), hit('c', 'Polish the radar'), hit('a', 'Turn the radar twice')];
    vi.setSystemTime(Date.now() + 60_000);
    document.dispatchEvent(new Event('visibilitychange'));
    await waitFor(() => expect(order()).toEqual(['task_a', 'task_c', 'task_d']));
    // Beside the list, too.
    expect(screen.getAllByText('Turn the radar twice').length).toBeGreaterThan(0);
  });
});
