import { describe, expect, it } from 'vitest';
import { Collection } from './watch.svelte';

const object = (id: string, version: number) => ({ id, version });

describe('a list that stays current', () => {
  it('drops versions that are older than what it holds', () => {
    const list = new Collection<{ id: string; version: number }>();
    list.put(object('a', 3));
    list.put(object('a', 2));
    expect(list.get('a')?.version).toBe(3);
  });
  it('forgets after a snapshot what the snapshot did not name, and not before', () => {
    const list = new Collection<{ id: string; version: number }>();
    list.put(object('a', 1));
    list.put(object('b', 1));
    list.begin();
    list.put(object('b', 1));
    expect(list.size).toBe(2);
    list.end();
    expect([list.size, list.ready]).toEqual([1, true]);
    list.drop('b');
    expect(list.size).toBe(0);
  });
});
