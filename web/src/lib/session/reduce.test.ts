import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '$lib/api/client';
import { Conversation } from './reduce';

let seq = 0;
const event = (kind: string, body: unknown): SessionEvent => ({ seq: ++seq, kind, at: '2026-01-01T00:00:00Z', body: body as never });
const words = (text: string) => event('message', { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });

describe('a conversation', () => {
  it('joins words, folds tool calls, takes nothing twice', () => {
    const talk = new Conversation();
    const events = [
      event('prompt', { op_id: 'turn_1', prompt: [{ type: 'text', text: 'go' }] }), words('Hel'), words('lo'),
      event('tool_call', { sessionUpdate: 'tool_call', toolCallId: 'c', title: 'read', status: 'in_progress', rawInput: { a: 1 } }),
      event('tool_call', { sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'completed', content: [{ type: 'diff', path: 'x', oldText: 'a', newText: 'b' }] }),
      words('done'), event('turn_end', { outcome: 'end_turn' })
    ];
    for (const one of [...events, ...events]) talk.take(one);
    expect(talk.items.map((item) => item.type)).toEqual(['prompt', 'message', 'tool', 'message', 'end']);
    expect(talk.items[1]).toMatchObject({ text: 'Hello' });
    expect(talk.items[2]).toMatchObject({ status: 'completed', input: { a: 1 }, parts: [{ kind: 'diff', before: 'a', text: 'b', path: 'x' }] });
  });
  it('joins a permission with its answer, and keeps one plan a turn', () => {
    const talk = new Conversation();
    talk.take(event('permission_open', { id: 'p', approval_id: 'apr_1', options: [{ optionId: 'allow_once', name: 'Allow', kind: 'allow_once' }], tool_call: { title: 'write' } }));
    talk.take(event('plan', { entries: [{ content: 'a', status: 'pending' }] }));
    talk.take(event('plan', { entries: [{ content: 'a', status: 'completed' }] }));
    talk.take(event('permission_answer', { id: 'p', option: 'allow_once' }));
    expect(talk.items).toMatchObject([{ type: 'permission', title: 'write', answered: true, answer: 'allow_once' }, { type: 'plan', entries: [{ status: 'completed' }] }]);
  });
  it('is not upset by any form of body', () => {
    const talk = new Conversation();
    for (const kind of ['prompt', 'message', 'thought', 'tool_call', 'plan', 'permission_open', 'permission_answer', 'turn_end', 'state', 'interrupted', 'gap', 'context_lost', 'stderr', 'other', 'new-word'])
      for (const body of [null, 7, 'x', [], [null], {}, { content: 3, entries: 'x', options: {}, prompt: null, line: 4, toolCallId: {} }, { content: [null, { type: 'diff' }] }]) talk.take(event(kind, body));
    expect(talk.seq).toBe(seq);
  });
});
