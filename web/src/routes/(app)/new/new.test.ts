import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { logIn, serve } from '../../../test-server';
import { app } from '$lib/app.svelte';
import New from './+page.svelte';

vi.mock('$app/state', () => ({ page: { url: new URL('http://localhost/ui/new'), params: {} } }));
vi.mock('$app/navigation', () => ({ goto: () => Promise.resolve() }));

beforeEach(() => {
  logIn('contributor');
  app.missions.put({ id: 'mis_1', name: 'apollo', version: 1 } as never);
  app.klusters.put({ id: 'klu_1', mission_id: 'mis_1', mission: 'apollo', name: 'survey', version: 1 } as never);
  app.missions.end();
  app.klusters.end();
});

describe('a new task', () => {
  it('has the name that was written, and none when that was left empty', async () => {
    const asked = serve({ 'POST /api/v1/overlap/check': () => ({ decision: 'allow', suggestions: [] }), 'POST /api/v1/tasks': () => ({ key: 'apollo-7' }) });
    const made = () => asked.filter(({ path }) => path === '/api/v1/tasks').map(({ body }) => [(body as { title: string }).title, (body as { name: string | null }).name]);
    render(New);
    const name = await screen.findByLabelText<HTMLInputElement>('Name (optional)');
    expect(document.getElementById(name.getAttribute('aria-describedby') ?? '')?.textContent).toMatch(/1 to 63/);
    await fireEvent.input(screen.getByLabelText('Title'), { target: { value: 'Parse the frames' } });
    await fireEvent.input(name, { target: { value: 'frame-parser' } });
    expect(document.body.textContent).toContain('--name frame-parser');
    const create = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Create task' });
    await fireEvent.click(create());
    await waitFor(() => expect(name.value).toBe(''));
    await fireEvent.input(screen.getByLabelText('Title'), { target: { value: 'Draw the frames' } });
    await waitFor(() => expect(create().disabled).toBe(false));
    await fireEvent.click(create());
    await waitFor(() => expect(made()).toEqual([['Parse the frames', 'frame-parser'], ['Draw the frames', null]]));
  });
});
