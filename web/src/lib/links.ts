import { base } from '$app/paths';

/** Where a thing is shown that was found: a task by its key, everything else by its id, since names are unique in one place only. */
export const hrefOfFound = ({ kind, id, key }: { kind: string; id: string; key?: string | null }): string => hrefOf(kind, kind === 'task' ? (key ?? id) : id);

/** What an event is about that was found: its title is `task.create task_… by ann`. */
export const subjectOfFound = ({ title }: { title: string }): string => title.split(' ')[1] ?? '';

/** Where a thing is shown. */
export function hrefOf(kind: string, reference: string): string {
  switch (kind) {
    case 'task': return `${base}/tasks/${reference}`;
    case 'session': return `${base}/sessions/${reference}`;
    case 'approval': return `${base}/approvals?at=${reference}`;
    case 'mission': return `${base}/missions/${reference}`;
    case 'kluster': return `${base}/klusters/${reference}`;
    case 'doc': case 'keystone': return `${base}/docs/${reference}`;
    case 'artifact': return `${base}/artifacts/${reference}`;
    case 'node': return `${base}/nodes`;
    default: return `${base}/ledger?subject=${reference}`;
  }
}
