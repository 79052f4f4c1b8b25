import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT, digestOf, logIn, refusal, serve, waiting } from '../test-server';
import type { Approval } from './api/client';
import ApprovalCard from './ApprovalCard.svelte';
import { keys } from './keys.svelte';

const decisions = (asked: ReturnType<typeof serve>) => asked.filter(({ method }) => method === 'POST').map(({ path, body }) => [path.split('/').at(-1), body]);
const button = (name: RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const press = (key: string) => fireEvent.keyDown(document.body, { key });
const heard = (event: KeyboardEvent) => keys.handle(event);

beforeEach(() => {
  logIn('contributor');
  // As the layout does.
  document.body.addEventListener('keydown', heard);
});
afterEach(() => document.body.removeEventListener('keydown', heard));

describe('an approval', () => {
  it('is decided once, bound to the digest that was computed again here', async () => {
    const approval = await waiting({ title: 'write survey.md', kind: 'edit' });
    const asked = serve({ 'POST /api/v1/approvals/apr_1/approve': () => ({ ...approval, state: 'approved', version: 2, decided_at: AT, decider: 'ann' }) });
    render(ApprovalCard, { approval });
    await screen.findByText('digest recomputed here');
    await fireEvent.input(screen.getByLabelText('Note'), { target: { value: ' looked at it ' } });
    await fireEvent.click(button(/^Approve/));
    await screen.findByText('approved');
    expect(decisions(asked)).toEqual([['approve', { action_sha256: approval.action_sha256, note: 'looked at it', option: null }]]);
    expect(screen.queryByRole('button', { name: /^Approve/ })).toBeNull();
  });
  it.each(['delete', 'execute', 'move'])('is asked about twice when the deed is grave: %s', async (kind) => {
    const approval = await waiting({ title: 'rm -r plates', kind });
    const asked = serve({ 'POST /api/v1/approvals/apr_1/approve': () => ({ ...approval, state: 'approved', version: 2 }) });
    render(ApprovalCard, { approval });
    await screen.findByText('digest recomputed here');
    await fireEvent.click(button(/^Approve/));
    await screen.findByRole('alertdialog');
    expect(decisions(asked)).toEqual([]);
    await fireEvent.click(button(/^Not yet/));
    expect(screen.queryByRole('alertdialog')).toBeNull();
    await fireEvent.click(button(/^Approve/));
    await fireEvent.click(button(/^Approve/));
    await screen.findByText('approved');
    expect(decisions(asked)).toEqual([['approve', { action_sha256: approval.action_sha256, note: null, option: null }]]);
  });
  it('counts as grave when the server says so, and by its key a first press decides nothing', async () => {
    const review = { risk: 'destructive', risk_reason: 'It deletes what is not kept elsewhere.', policy: 'contributors decide', may_decide: true, deciders: [], more_deciders: false, least_role: 'contributor', self_approval: true } satisfies Approval['review'];
    const approval = await waiting({ title: 'tidy up', kind: 'other' }, { review });
    const asked = serve({ 'POST /api/v1/approvals/apr_1/reject': () => ({ ...approval, state: 'rejected', version: 2 }) });
    render(ApprovalCard, { approval, keyed: true });
    await screen.findByText(review.risk_reason);
    await press('y');
    await screen.findByRole('alertdialog');
    // The first `n` steps back, the second one rejects.
    await press('n');
    await waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull());
    expect(decisions(asked)).toEqual([]);
    await press('n');
    await screen.findByText('rejected');
    expect(decisions(asked).map(([verb]) => verb)).toEqual(['reject']);
  });
  it('cannot be approved when the action is not what the digest is of', async () => {
    const approval = { ...(await waiting({ title: 'write survey.md', kind: 'edit' })), action_sha256: await digestOf('something else') };
    const asked = serve({});
    render(ApprovalCard, { approval });
    await screen.findByText('digest differs: do not approve');
    expect(button(/^Approve/).disabled).toBe(true);
    button(/^Approve/).click();
    await Promise.resolve();
    expect(decisions(asked)).toEqual([]);
    expect(button(/^Reject/).disabled).toBe(false);
  });
  it('says why it was refused and can be decided again', async () => {
    const approval = await waiting({ title: 'write survey.md', kind: 'edit' });
    serve({ 'POST /api/v1/approvals/apr_1/approve': () => refusal(409, 'conflict', 'Decided already') });
    render(ApprovalCard, { approval });
    await fireEvent.click(button(/^Approve/));
    await screen.findByText('Decided already');
    expect(button(/^Approve/).disabled).toBe(false);
  });
  it('is not offered to who may only read', async () => {
    logIn('viewer');
    render(ApprovalCard, { approval: await waiting({ title: 'write survey.md' }) });
    await screen.findByText(/A contributor of the mission decides/);
    expect(screen.queryByRole('button', { name: /^Approve/ })).toBeNull();
  });
});
