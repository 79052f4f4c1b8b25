import { describe, expect, it } from 'vitest';
import type { Task } from '$lib/api/client';
import { fieldsOf, onTop, patchOf, readLabels, writeLabels } from './fields';

const task = { title: 'Count', description: '', definition_of_done: '', priority: 50, runtime: null, paths: ['src/**'], capabilities: [], review_gates: 0, max_attempts: 3, labels: { area: 'moon' }, depends_on: [{ id: 'task_1', key: 'apollo-1', state: 'ready' }], on_dependency_failure: 'block' } as unknown as Task;

describe('fields of a task', () => {
  it('are sent only where they differ', () => {
    const seen = fieldsOf(task);
    expect(patchOf(seen, fieldsOf(task))).toEqual({});
    expect(patchOf(seen, { ...seen, title: ' Count ', paths: 'src/**\n\n' })).toEqual({});
    expect(patchOf(seen, { ...seen, priority: 80, runtime: 'codex', labels: '', depends: [] })).toEqual({ priority: 80, runtime: 'codex', labels: {}, depends_on: [] });
  });
  it('lead back', () => {
    const seen = fieldsOf(task);
    const mine = { ...seen, title: 'Recount', depends: [] };
    expect(patchOf(mine, seen)).toEqual({ title: 'Count', depends_on: ['apollo-1'] });
  });
  it('keep what was changed here on top of what somebody else changed', () => {
    const seen = fieldsOf(task);
    const theirs = { ...seen, title: 'Theirs', description: 'Theirs too' };
    const merged = onTop(seen, { ...seen, title: 'Mine', priority: 80 }, theirs);
    expect([merged.title, merged.description, merged.priority]).toEqual(['Mine', 'Theirs too', 80]);
    expect(patchOf(theirs, merged)).toEqual({ title: 'Mine', priority: 80 });
  });
  it('have labels of one line each', () => {
    expect(readLabels('area = moon\nteam/part=b = c\n\nempty=')).toEqual({ area: 'moon', 'team/part': 'b = c', empty: '' });
    expect([readLabels('area'), readLabels('=x'), readLabels('a b=c')]).toEqual([null, null, null]);
    expect(readLabels(writeLabels({ area: 'moon', x: '' }))).toEqual({ area: 'moon', x: '' });
  });
});
