// What of a task can be written and changed, as a form holds it; and changing it against what was seen.
import { api, get, ProblemError, type Schemas, type Task } from '$lib/api/client';

/** A task that another one waits for. */
export interface WaitedFor {
  id: string;
  key: string;
  title: string;
  state: string;
}

export interface Fields {
  title: string;
  description: string;
  done: string;
  priority: number | null;
  runtime: string;
  paths: string;
  capabilities: string;
  gates: number | null;
  attempts: number | null;
  labels: string;
  depends: WaitedFor[];
  onFailure: Schemas['OnDependencyFailure'];
}
type Patch = Omit<Schemas['UpdateTask'], 'acknowledge_overlap'>;

/** The lines of a text that hold something. */
export const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** Labels written one a line as `key=value`; `null` when a line is none. */
export function readLabels(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const line of lines(text)) {
    const [, key, value] = /^([\w./-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) return null;
    found[key] = value;
  }
  return found;
}
export const writeLabels = (labels: Readonly<Record<string, string>>): string => Object.entries(labels).map(([key, value]) => `${key}=${value}`).join('\n');

/** What can be changed of a task, as a form shows it. */
export const fieldsOf = (task: Task): Fields => ({
  title: task.title,
  description: task.description,
  done: task.definition_of_done,
  priority: task.priority,
  runtime: task.runtime ?? '',
  paths: task.paths.join('\n'),
  capabilities: task.capabilities.join('\n'),
  gates: task.review_gates,
  attempts: task.max_attempts,
  labels: writeLabels(task.labels),
  depends: task.depends_on.map((one) => ({ ...one, title: '' })),
  onFailure: task.on_dependency_failure
});

const valuesOf = (fields: Fields): Required<Omit<Patch, 'annotations'>> => ({
  title: fields.title.trim(),
  description: fields.description,
  definition_of_done: fields.done,
  priority: fields.priority,
  runtime: fields.runtime.trim() || null,
  paths: lines(fields.paths),
  capabilities: lines(fields.capabilities),
  review_gates: fields.gates,
  max_attempts: fields.attempts,
  labels: readLabels(fields.labels),
  depends_on: fields.depends.map((one) => one.key),
  on_dependency_failure: fields.onFailure
});

/** The members of a merge patch that makes the one out of the other: only what differs. */
export function patchOf(before: Fields, after: Fields): Patch {
  const [from, to] = [valuesOf(before), valuesOf(after)];
  return Object.fromEntries(Object.entries(to).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(from[name as keyof typeof from]))) as Patch;
}

/** What stands there now, with whatever was changed here on top. */
export function onTop(seen: Fields, mine: Fields, theirs: Fields): Fields {
  const changed = (name: keyof Fields) => JSON.stringify(seen[name]) !== JSON.stringify(mine[name]);
  return Object.fromEntries(Object.keys(theirs).map((name) => [name, (changed(name as keyof Fields) ? mine : theirs)[name as keyof Fields]])) as unknown as Fields;
}

/** Whether somebody changed it in between. */
export const isStale = (error: unknown): boolean => error instanceof ProblemError && error.problem.status === 412;

/**
 * Changes a task as it was seen. A report of progress or a move in between does not stand in the way; a change of what can
 * be edited does, and is thrown as the server said it.
 */
export async function change(seen: Task, body: Schemas['UpdateTask']): Promise<Task> {
  let version = seen.version;
  for (let turn = 0; ; turn += 1) {
    try {
      return await get(api.PATCH('/api/v1/tasks/{ref}', { params: { path: { ref: seen.id }, query: {} }, body, headers: { 'content-type': 'application/merge-patch+json', 'if-match': `"${version}"` } }));
    } catch (error) {
      if (!isStale(error) || turn === 3) throw error;
      const now = await get(api.GET('/api/v1/tasks/{ref}', { params: { path: { ref: seen.id }, query: {} } }));
      if (Object.keys(patchOf(fieldsOf(seen), fieldsOf(now))).length) throw error;
      version = now.version;
    }
  }
}
