import { describe, expect, it } from 'vitest';
import { ProblemError, problem } from '$lib/api/client';
import { memory } from './idb';
import { Outbox, type Write } from './outbox';

const draft = { label: 'New task', method: 'post', path: '/api/v1/tasks', body: { title: 'a' } } as const;
const refused = (status: number, type = 'urn:missioncontrol:problem:x') => new ProblemError({ ...problem(status, 'No', 'because'), type });

/** A server that keeps what was done by key, and whose answers can be lost. */
function setUp(now = { at: 0 }) {
  const store = memory<Write>();
  const done = new Map<string, number>();
  const how: { next: (write: Write) => unknown } = { next: () => 'ok' };
  const send = async (write: Write) => {
    const answer = how.next(write);
    if (answer instanceof Error) throw answer;
    done.set(write.key, (done.get(write.key) ?? 0) + (done.has(write.key) ? 0 : 1));
    if (answer === 'lost') throw new TypeError('connection reset');
    return answer;
  };
  const make = () => new Outbox(store, send, undefined, () => now.at);
  return { store, done, how, make, now };
}

describe('writes that wait', () => {
  it('an answered write leaves nothing behind', async () => {
    const { store, make } = setUp();
    const box = make();
    await box.begin('p');
    expect(await box.submit(draft)).toEqual({ state: 'sent', answer: 'ok' });
    expect(await store.all()).toEqual([]);
    box.stop();
  });
  it('a write whose answer was lost is sent again with its key, and is done once, even by another page later', async () => {
    const { done, how, make } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => 'lost';
    expect(await box.submit(draft)).toEqual({ state: 'kept' });
    box.stop();
    how.next = () => 'ok';
    const later = make();
    await later.begin('p');
    await later.replay();
    expect(later.items).toEqual([]);
    expect([...done.values()]).toEqual([1]);
    later.stop();
  });
  it.each([400, 403, 404, 409, 412, 422, 500])('%i is thrown to whoever typed, and nothing is kept', async (status) => {
    const { store, how, make } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => refused(status);
    await expect(box.submit(draft)).rejects.toBeInstanceOf(ProblemError);
    expect(await store.all()).toEqual([]);
    box.stop();
  });
  it.each([401, 429, 503])('%i keeps it', async (status) => {
    const { store, how, make } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => refused(status);
    expect((await box.submit(draft)).state).toBe('kept');
    expect(await store.all()).toHaveLength(1);
    box.stop();
  });
  it.each([409, 412])('a conflict (%i) found while sending later is shown, not lost, and what comes after is sent', async (status) => {
    const { how, make } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => new TypeError('no network');
    await box.submit({ ...draft, label: 'first' });
    await box.submit({ ...draft, label: 'second' });
    how.next = (write) => (write.label === 'first' ? refused(status) : 'ok');
    await box.replay();
    expect(box.items.map((write) => [write.label, write.state, write.problem?.status])).toEqual([['first', 'refused', status]]);
    const key = box.items[0]!.key;
    how.next = () => 'ok';
    await box.again(box.items[0]!.id);
    expect(box.items).toEqual([]);
    expect(key).toBeTruthy();
    box.stop();
  });
  it('is sent in the order it was written, and nobody else sends it', async () => {
    const { how, make, store } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => new TypeError('no network');
    for (const label of ['a', 'b', 'c']) await box.submit({ ...draft, label });
    const order: string[] = [];
    how.next = (write) => { order.push(write.label); return 'ok'; };
    await box.begin('somebody else');
    await box.replay();
    expect([order, (await store.all()).length]).toEqual([[], 3]);
    await box.begin('p');
    await box.replay();
    expect(order).toEqual(['a', 'b', 'c']);
    box.stop();
  });
  it('what may have been done more than 23 hours ago is not sent by itself', async () => {
    const { how, make, now, done } = setUp();
    const box = make();
    await box.begin('p');
    how.next = () => 'lost';
    await box.submit(draft);
    now.at = 24 * 3600 * 1000;
    how.next = () => 'ok';
    await box.replay();
    expect([box.items[0]?.state, done.size]).toEqual(['refused', 1]);
    await box.discard(box.items[0]!.id);
    expect(box.items).toEqual([]);
    box.stop();
  });
});
