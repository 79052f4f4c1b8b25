import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { AT, logIn, refusal, serve } from '../test-server';
import type { Task } from './api/client';
import TaskEdit from './TaskEdit.svelte';

const task = (more: Partial<Task> = {}) =>
  ({ id: 'task_1', key: 'apollo-1', kind: 'task', title: 'Parse frames', description: '', definition_of_done: '', mission: 'apollo', mission_id: 'mis_1', kluster: 'survey', kluster_id: 'klu_1', state: 'ready', priority: 50, runtime: null, paths: [], capabilities: [], review_gates: 0, max_attempts: 3, labels: {}, annotations: {}, depends_on: [], open_dependency_count: 0, on_dependency_failure: 'block', attempt: 0, version: 3, created_by: 'prn_me', created_at: AT, updated_at: AT, ...more }) as Task;
const title = () => screen.findByLabelText<HTMLInputElement>('Title');
const resumed = () => screen.queryByText('What you typed here before is still there.');
const open = (of: Task) => render(TaskEdit, { open: true, task: of, onSaved: () => {} });
/** Takes the dialog away, as the page of the task does when it is closed. */
async function close({ unmount }: { unmount: () => void }): Promise<void> {
  unmount();
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
}

beforeEach(() => logIn('contributor'));

describe('the dialog that changes a task', () => {
  it('has what was typed when it is opened again, until that is saved or dropped', async () => {
    const asked = serve({ 'PATCH /api/v1/tasks/task_1': ({ body }) => task({ ...(body as Partial<Task>), version: 4 }) });
    const first = open(task());
    expect(resumed()).toBeNull();
    await fireEvent.input(await title(), { target: { value: 'Parse all frames' } });
    await close(first);
    const second = open(task());
    expect((await title()).value).toBe('Parse all frames');
    expect(resumed()).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Begin anew' }));
    expect([(await title()).value, resumed()]).toEqual(['Parse frames', null]);
    await close(second);
    const third = open(task());
    expect([(await title()).value, resumed()]).toEqual(['Parse frames', null]);
    await fireEvent.input(await title(), { target: { value: 'Parse no frames' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH').map(({ headers, body }) => [headers.get('if-match'), (body as Task).title])).toEqual([['"3"', 'Parse no frames']]));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await close(third);
    open(task({ title: 'Parse no frames', version: 4 }));
    expect([(await title()).value, resumed()]).toEqual(['Parse no frames', null]);
  });
  it('goes on against the task that was seen while it was typed', async () => {
    const now = task({ title: 'Parse frames at night', version: 5 });
    const asked = serve({ 'GET /api/v1/tasks/task_1': () => now, 'PATCH /api/v1/tasks/task_1': () => refusal(412, 'stale-version', 'The resource changed since it was read') });
    const first = open(task());
    await fireEvent.input(await screen.findByLabelText('Description'), { target: { value: 'With a lamp.' } });
    await close(first);
    open(now);
    expect((await screen.findByLabelText<HTMLTextAreaElement>('Description')).value).toBe('With a lamp.');
    await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
    await screen.findByText('Somebody changed it while you wrote.');
    expect(asked.find(({ method }) => method === 'PATCH')?.headers.get('if-match')).toBe('"3"');
  });
});
