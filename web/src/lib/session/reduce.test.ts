import { describe, expect, it } from 'vitest';
import type { Schemas, SessionEvent } from '$lib/api/client';
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
  it('says what may be missing, and asks only when somebody has to decide', () => {
    const talk = new Conversation();
    talk.take(event('gap', { reason: 'shim died' }));
    talk.take(event('context_lost', { reason: 'the agent cannot restore sessions; no prompt was sent yet', needs_decision: false }));
    talk.take(event('context_lost', { reason: 'the agent cannot restore sessions', needs_decision: true }));
    expect(talk.items).toMatchObject([
      { type: 'mark', tone: 'held', text: 'Something may be missing here: shim died.' },
      { type: 'mark', tone: 'held', text: 'The agent began anew: the agent cannot restore sessions; no prompt was sent yet.' },
      { type: 'mark', tone: 'bad', text: expect.stringContaining('Decide') }
    ]);
  });
  it('is not upset by any form of body', () => {
    const talk = new Conversation();
    for (const kind of ['prompt', 'message', 'thought', 'tool_call', 'plan', 'permission_open', 'permission_answer', 'turn_end', 'state', 'interrupted', 'gap', 'context_lost', 'stderr', 'other', 'new-word'])
      for (const body of [null, 7, 'x', [], [null], {}, { content: 3, entries: 'x', options: {}, prompt: null, line: 4, toolCallId: {} }, { content: [null, { type: 'diff' }] }]) talk.take(event(kind, body));
    expect(talk.seq).toBe(seq);
  });

  const at = '2026-01-01T00:00:00Z';
  type Folded = Schemas['ConversationItem'];
  const item = (kind: Folded['kind'], from: number, to: number, more: Partial<Folded> = {}): Folded => ({ kind, seq: from, last_seq: to, at, last_at: at, is_partial: false, is_cut: false, ...more });
  const page = (items: Folded[], newest: number, next: string | null = 'x', more: Partial<Schemas['Conversation']> = {}): Schemas['Conversation'] => ({ kind: 'conversation', session_id: 'ses_1', items, seq: newest, next_cursor: next, title: null, mode: null, usage: null, ...more }) as Schemas['Conversation'];

  it('makes pages whole that cut words, calls, permissions and plans', () => {
    const talk = new Conversation();
    talk.begin(page([
      item('tool_call', 40, 40, { is_partial: true, tool_call: { toolCallId: 'c', status: 'completed', rawOutput: 'fine' } as never }),
      item('permission', 41, 41, { is_partial: true, permission: { id: 'p', title: null, tool_call: {}, options: [], is_answered: true, option: 'yes' } as never }),
      item('message', 42, 44, { is_partial: true, text: 'lo' }), item('plan', 45, 45, { entries: [{ content: 'a', status: 'completed' }] as never }),
      item('turn_end', 46, 46, { outcome: 'end_turn', detail: { usage: { totalTokens: 1200 } } as never })
    ], 46, 'older', { usage: { used: 5, size: 10 } as never }));
    expect([talk.seq, talk.usage?.used]).toEqual([46, 5]);
    // What comes live goes on with the newest page.
    talk.take({ seq: 46, kind: 'turn_end', at, body: {} as never });
    talk.take({ seq: 47, kind: 'tool_call', at, body: { sessionUpdate: 'tool_call_update', toolCallId: 'c', title: 'late' } as never });
    talk.before(page([
      item('prompt', 30, 30, { text: 'go', turn: 't' }),
      item('tool_call', 31, 32, { tool_call: { toolCallId: 'c', title: 'read', status: 'pending', rawInput: { a: 1 } } as never }),
      item('permission', 33, 33, { permission: { id: 'p', approval_id: 'apr_1', title: 'write', tool_call: {}, options: [], is_answered: false, option: null } as never }),
      item('plan', 34, 34, { entries: [{ content: 'a', status: 'pending' }] as never }), item('message', 35, 39, { text: 'Hel' })
    ], 39, null, { usage: { used: 1 } as never }));
    expect(talk.items.map((one) => [one.type, one.seq])).toEqual([['prompt', 30], ['tool', 31], ['permission', 33], ['plan', 34], ['message', 35], ['end', 46]]);
    expect(talk.items[1]).toMatchObject({ title: 'late', status: 'completed', input: { a: 1 }, parts: [{ text: 'fine' }] });
    expect(talk.items[2]).toMatchObject({ title: 'write', approval: 'apr_1', answered: true, answer: 'yes' });
    expect(talk.items[3]).toMatchObject({ entries: [{ status: 'completed' }] });
    expect(talk.items[4]).toMatchObject({ text: 'Hello' });
    expect(talk.items[5]).toMatchObject({ usage: `${(1200).toLocaleString()} tokens` });
    expect(talk.usage?.used).toBe(5);
    // The call that began in an older page is still the one that updates are for.
    talk.take({ seq: 48, kind: 'tool_call', at, body: { sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'failed' } as never });
    expect(talk.items[1]).toMatchObject({ status: 'failed' });
    talk.take({ seq: 49, kind: 'permission_answer', at, body: { id: 'p', option: 'no' } as never });
    expect(talk.items[2]).toMatchObject({ answer: 'no' });
  });
  it('reads one long message through as many pages as it has, and keeps its end', () => {
    const talk = new Conversation();
    talk.begin(page([item('message', 900, 1000, { is_partial: true, text: 'the end' })], 1000));
    for (let from = 890; from > 0; from -= 10) talk.before(page([item('message', from, from + 9, { is_partial: from > 10, text: 'x'.repeat(10_000) })], from + 9));
    expect(talk.items).toHaveLength(1);
    const [message] = talk.items;
    expect(message?.type === 'message' && [message.text.length, message.text.endsWith('the end'), message.cut]).toEqual([400_000, true, true]);
  });
  it('takes a page twice without doubling it, and an id that begins again as another call', () => {
    const talk = new Conversation();
    const older = page([item('prompt', 1, 1, { text: 'a' }), item('tool_call', 2, 3, { tool_call: { toolCallId: 'c', title: 'first', status: 'completed' } as never })], 3, null);
    talk.begin(page([item('tool_call', 4, 5, { tool_call: { toolCallId: 'c', title: 'second', status: 'pending' } as never })], 5));
    talk.before(older);
    talk.before(older);
    expect(talk.items.map((one) => one.seq)).toEqual([1, 2, 4]);
    talk.take({ seq: 6, kind: 'tool_call', at, body: { sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'failed' } as never });
    expect(talk.items.map((one) => (one.type === 'tool' ? one.status : ''))).toEqual(['', 'completed', 'failed']);
  });
});
