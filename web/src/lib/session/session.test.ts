import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { AT, logIn, refusal, serve, silence } from '../../test-server';
import type { AgentSession } from '../api/client';
import Session from './Session.svelte';

const session = (more: Partial<AgentSession> = {}) =>
  ({ id: 'ses_1', kind: 'session', mission: 'apollo', mission_id: 'mis_1', runtime: 'scripted', state: 'idle', node: 'here', node_id: 'nod_1', is_node_reachable: true, created_at: AT, created_by: 'prn_me', updated_at: AT, cwd: '/', epoch: 1, labels: {}, last_seq: 0, principal_id: 'prn_agent', version: 1, ...more }) as AgentSession;
const turn = (more: object = {}) => ({ id: 'trn_1', prompt: 'first', requester_id: 'prn_me', state: 'queued', ...more });

function open(of: AgentSession, more: Parameters<typeof serve>[0] = {}) {
  const at = '/api/v1/sessions/ses_1';
  const asked = serve({
    [`GET ${at}`]: () => of,
    [`GET ${at}/conversation`]: () => ({ kind: 'conversation', session_id: 'ses_1', items: [], seq: 0, next_cursor: null, title: null, mode: null, usage: null }),
    [`GET ${at}/turns`]: () => ({ items: [] }),
    [`GET ${at}/events`]: silence,
    [`POST ${at}/prompt`]: () => turn(),
    ...more
  });
  render(Session, { id: 'ses_1' });
  return asked;
}
const prompts = (asked: ReturnType<typeof serve>) => asked.filter(({ path }) => path.endsWith('/prompt'));
const field = () => screen.findByLabelText<HTMLTextAreaElement>('Prompt');

beforeEach(() => logIn('contributor'));

describe('the place where a session is talked to', () => {
  it('sends with Enter what was said, once and with a key, and is empty again', async () => {
    const asked = open(session());
    const text = await field();
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Send' }).disabled).toBe(true);
    await fireEvent.input(text, { target: { value: '  count the craters\n' } });
    await fireEvent.keyDown(text, { key: 'Enter' });
    await waitFor(() => expect(text.value).toBe(''));
    expect(prompts(asked).map(({ body }) => body)).toEqual([{ text: 'count the craters' }]);
    expect(prompts(asked)[0]?.headers.get('idempotency-key')).toBeTruthy();
  });
  it('breaks the line with Shift Enter, waits for a script of characters to be composed, and sends nothing empty', async () => {
    const asked = open(session());
    const text = await field();
    await fireEvent.input(text, { target: { value: 'one' } });
    expect(await fireEvent.keyDown(text, { key: 'Enter', shiftKey: true })).toBe(true);
    expect(await fireEvent.keyDown(text, { key: 'Enter', isComposing: true })).toBe(true);
    await fireEvent.input(text, { target: { value: '   ' } });
    await fireEvent.keyDown(text, { key: 'Enter' });
    expect(prompts(asked)).toEqual([]);
  });
  it('keeps what is typed while another is on its way, and sends it after that one, once', async () => {
    const let_go: (() => void)[] = [];
    const asked = open(session(), { 'POST /api/v1/sessions/ses_1/prompt': () => new Promise((resolve) => let_go.push(() => resolve(turn()))) });
    const text = await field();
    const say = async (value: string) => {
      await fireEvent.input(text, { target: { value } });
      await fireEvent.keyDown(text, { key: 'Enter' });
    };
    await say('look');
    await waitFor(() => expect(let_go.length).toBe(1));
    // Twice the same key is no second one.
    await fireEvent.keyDown(text, { key: 'Enter' });
    await say('now count');
    let_go[0]!();
    await waitFor(() => expect(let_go.length).toBe(2));
    expect(text.value).toBe('now count');
    await fireEvent.input(text, { target: { value: 'now count and begin' } });
    let_go[1]!();
    await waitFor(() => expect(text.value).toBe(' and begin'));
    expect(prompts(asked).map(({ body }) => body)).toEqual([{ text: 'look' }, { text: 'now count' }]);
  });
  it('keeps the words when they are refused, and says why', async () => {
    open(session(), { 'POST /api/v1/sessions/ses_1/prompt': () => refusal(409, 'invalid-transition', 'The session has ended') });
    const text = await field();
    await fireEvent.input(text, { target: { value: 'go on' } });
    await fireEvent.keyDown(text, { key: 'Enter' });
    await screen.findByText('The session has ended');
    expect(text.value).toBe('go on');
  });
  it('shows what is queued and gives it back to be said otherwise', async () => {
    let queued = [turn({ prompt: 'look again' })];
    const asked = open(session({ state: 'running' }), {
      'GET /api/v1/sessions/ses_1/turns': () => ({ items: queued }),
      'POST /api/v1/turns/trn_1/cancel': () => { const [one] = queued; queued = []; return { ...one, state: 'cancelled' }; }
    });
    await fireEvent.click(await screen.findByRole('button', { name: 'Take back: look again' }));
    const text = await field();
    await waitFor(() => expect(text.value).toBe('look again'));
    await waitFor(() => expect(screen.queryByText(/^Queued/)).toBeNull());
    expect(asked.some(({ method, path }) => method === 'POST' && path === '/api/v1/turns/trn_1/cancel')).toBe(true);
  });
  it('is not there for who may only read', async () => {
    logIn('viewer');
    open(session());
    await screen.findByText(/A contributor of the mission steers it/);
    expect(screen.queryByLabelText('Prompt')).toBeNull();
  });
  it('is not there when the session has ended', async () => {
    open(session({ state: 'stopped' }));
    await screen.findByText(/This session has ended/);
    expect(screen.queryByLabelText('Prompt')).toBeNull();
  });
});
