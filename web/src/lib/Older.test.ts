import { render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, expect, it, vi } from 'vitest';
import { app } from './app.svelte';
import Older from './Older.svelte';

afterEach(() => vi.unstubAllGlobals());

it('what a snapshot left out is said, and read page by page when it is asked for', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const cursor = searchParams.get('cursor');
    asked.push(`${pathname} ${searchParams.get('state')} ${cursor}`);
    return Promise.resolve(Response.json({ items: [{ kind: 'session', id: cursor ? 'ses_2' : 'ses_1', version: 1 }], next_cursor: cursor ? null : 'more' }));
  });
  app.sessions.leftOut = 2;
  render(Older, { kind: 'sessions' });
  screen.getByText('2 older ones are not listed here.');
  screen.getByRole('button', { name: 'Show them' }).click();
  await waitFor(() => expect(screen.queryByText(/not listed here/)).toBeNull());
  expect(asked).toEqual(['/api/v1/sessions stopped,failed null', '/api/v1/sessions stopped,failed more']);
  expect(app.sessions.items.map((session) => session.id)).toEqual(['ses_1', 'ses_2']);
});
