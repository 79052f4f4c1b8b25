import { api, get, type Node, type Task } from '$lib/api/client';
import { isStale } from '$lib/fields';
import { movesOf, type Move } from '$lib/states';

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

const BACK: Partial<Record<Move['verb'], Move['verb']>> = { block: 'unblock', unblock: 'block' };
/** What takes a move back that left the task so, where the server has such a move. */
export const backOf = (verb: Move['verb'], left: Pick<Task, 'state'>): Move | undefined => movesOf(left.state).find((step) => step.verb === BACK[verb]);

/**
 * Says whether a node takes new agent sessions, against what was seen. What the node reports of itself in between does not
 * stand in the way; what somebody decided about it does, and is thrown as the server said it.
 */
export async function cordon(seen: Node, cordoned: boolean): Promise<Node> {
  const params = { path: { ref: seen.id } };
  let { version } = seen;
  for (let turn = 0; ; turn += 1) {
    const init = { params, headers: { 'if-match': `"${version}"` } };
    try {
      return await get(cordoned ? api.POST('/api/v1/nodes/{ref}/cordon', init) : api.POST('/api/v1/nodes/{ref}/uncordon', init));
    } catch (error) {
      if (!isStale(error) || turn === 3) throw error;
      const now = await get(api.GET('/api/v1/nodes/{ref}', { params }));
      if (now.cordoned !== seen.cordoned || now.draining !== seen.draining) throw error;
      version = now.version;
    }
  }
}
