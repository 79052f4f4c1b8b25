import { describe, expect, it } from 'vitest';
import { refusal, serve } from '../test-server';
import { ProblemError, type Node } from './api/client';
import { backOf, cordon } from './moves';

const node = (more: Partial<Node> = {}) => ({ id: 'nod_1', name: 'builder', cordoned: false, draining: false, version: 3, ...more }) as Node;
const versions = (asked: ReturnType<typeof serve>) => asked.filter(({ method }) => method === 'POST').map(({ path, headers }) => [path.split('/').at(-1), headers.get('if-match')]);
const stale = () => refusal(412, 'stale-version', 'The resource changed since it was read');

describe('what takes a move back', () => {
  it('is a move of the state that was left', () => {
    expect([backOf('block', { state: 'blocked' })?.verb, backOf('unblock', { state: 'pending' })?.verb]).toEqual(['unblock', 'block']);
    expect([backOf('cancel', { state: 'cancelled' }), backOf('retry', { state: 'ready' }), backOf('block', { state: 'done' })]).toEqual([undefined, undefined, undefined]);
  });
});

describe('whether a node takes new work', () => {
  it('is said against the version that was seen', async () => {
    const asked = serve({ 'POST /api/v1/nodes/nod_1/cordon': () => node({ cordoned: true, version: 4 }) });
    expect((await cordon(node(), true)).version).toBe(4);
    expect(versions(asked)).toEqual([['cordon', '"3"']]);
  });
  it('does not hang on what the node reports of itself meanwhile', async () => {
    const asked = serve({
      'GET /api/v1/nodes/nod_1': () => node({ cordoned: true, version: 6 }),
      'POST /api/v1/nodes/nod_1/uncordon': ({ headers }) => (headers.get('if-match') === '"6"' ? node({ version: 7 }) : stale())
    });
    expect((await cordon(node({ cordoned: true, version: 4 }), false)).cordoned).toBe(false);
    expect(versions(asked)).toEqual([['uncordon', '"4"'], ['uncordon', '"6"']]);
  });
  it('stays as somebody else decided meanwhile', async () => {
    const asked = serve({ 'GET /api/v1/nodes/nod_1': () => node({ cordoned: true, draining: true, version: 6 }), 'POST /api/v1/nodes/nod_1/uncordon': stale });
    const error = await cordon(node({ cordoned: true, version: 4 }), false).catch((thrown: unknown) => thrown);
    expect(error instanceof ProblemError && error.problem.status).toBe(412);
    expect(versions(asked)).toEqual([['uncordon', '"4"']]);
  });
});
