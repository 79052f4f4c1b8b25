import { api, get, type Task } from '$lib/api/client';
import type { Move } from '$lib/states';

/** Moves a task by the server's rules, against the version that was seen. */
export async function move(task: Task, verb: Move['verb'], note: string): Promise<Task> {
  const init = { params: { path: { ref: task.id }, query: {} }, body: { note: note || null }, headers: { 'if-match': `"${task.version}"` } };
  switch (verb) {
    case 'block': return get(api.POST('/api/v1/tasks/{ref}/block', init));
    case 'unblock': return get(api.POST('/api/v1/tasks/{ref}/unblock', init));
    case 'retry': return get(api.POST('/api/v1/tasks/{ref}/retry', init));
    case 'accept': return get(api.POST('/api/v1/tasks/{ref}/accept', init));
    case 'reject': return get(api.POST('/api/v1/tasks/{ref}/reject', init));
    case 'cancel': return get(api.POST('/api/v1/tasks/{ref}/cancel', init));
  }
}

/** What takes a move back, where the server has such a move. */
export const backOf = (verb: Move['verb']): Move['verb'] | null => (verb === 'block' ? 'unblock' : verb === 'unblock' ? 'block' : null);
