import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { AT, logIn, refusal, serve } from '../test-server';
import type { Kluster, Mission } from './api/client';
import PolicyEdit from './PolicyEdit.svelte';
import { toasts } from './ui/toast.svelte';

const common = { annotations: {}, labels: {}, created_at: AT, updated_at: AT, created_by: 'prn_me', description: '', overlap_policy: null };
const mission: Mission = { ...common, id: 'mis_1', name: 'apollo', key_prefix: 'apollo', version: 7 } as never;
const kluster: Kluster = { ...common, id: 'klu_1', mission_id: 'mis_1', mission: 'apollo', name: 'survey', version: 3 } as never;
const patches = (asked: ReturnType<typeof serve>) => asked.filter(({ method }) => method === 'PATCH').map(({ path, body, headers }) => [path, headers.get('if-match'), body]);

beforeEach(() => logIn('admin'));

describe('the policy of overlapping work', () => {
  it('of a mission is put in force against the version that was seen, with its command, and can be taken back', async () => {
    let version = 7;
    const asked = serve({ 'PATCH /api/v1/missions/mis_1': ({ body }) => ({ ...mission, ...(body as object), version: (version += 1) }) });
    render(PolicyEdit, { open: true, of: mission });
    await screen.findByRole('dialog');
    expect(screen.queryByText(/A policy of its own/)).toBeNull();
    expect(screen.queryByLabelText(/^Asked from/)).toBeNull();
    await fireEvent.click(screen.getByRole('radio', { name: /^Refuse/ }));
    await fireEvent.input(screen.getByLabelText(/^Asked from/), { target: { value: '60' } });
    await fireEvent.input(screen.getByLabelText(/^Refused from/), { target: { value: '90' } });
    expect(screen.getByRole('dialog').textContent).toMatch(/mc .*block.*60.*90|mc .*block.*90.*60/s);
    await fireEvent.click(screen.getByRole('button', { name: 'Put in force' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    const policy = { mode: 'block', acknowledge_at_percent: 60, block_at_percent: 90 };
    expect(patches(asked)).toEqual([['/api/v1/missions/mis_1', '"7"', { overlap_policy: policy }]]);
    toasts.undo();
    await waitFor(() => expect(patches(asked)).toHaveLength(2));
    expect(patches(asked)[1]).toEqual(['/api/v1/missions/mis_1', '"8"', { overlap_policy: null }]);
  });
  it('keeps no limit that its mode has not', async () => {
    const asked = serve({ 'PATCH /api/v1/missions/mis_1': () => ({ ...mission, version: 8 }) });
    render(PolicyEdit, { open: true, of: { ...mission, overlap_policy: { mode: 'block', acknowledge_at_percent: 50, block_at_percent: 80 } } });
    await screen.findByRole('dialog');
    expect(screen.getByRole<HTMLInputElement>('radio', { name: /^Refuse/ }).checked).toBe(true);
    await fireEvent.click(screen.getByRole('radio', { name: /^Ask to have seen it/ }));
    expect(screen.queryByLabelText(/^Refused from/)).toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'Put in force' }));
    await waitFor(() => expect(patches(asked)).toEqual([['/api/v1/missions/mis_1', '"7"', { overlap_policy: { mode: 'require_ack', acknowledge_at_percent: 50, block_at_percent: null } }]]));
  });
  it('of a kluster is that of its mission until it has one of its own', async () => {
    const asked = serve({ 'PATCH /api/v1/klusters/klu_1': () => ({ ...kluster, version: 4 }) });
    render(PolicyEdit, { open: true, of: kluster });
    await screen.findByRole('dialog');
    const own = screen.getByRole<HTMLInputElement>('checkbox', { name: /A policy of its own/ });
    expect(own.checked).toBe(false);
    expect(screen.getByRole('group').matches(':disabled')).toBe(true);
    await fireEvent.click(own);
    await fireEvent.click(screen.getByRole('radio', { name: /^Suggest/ }));
    await fireEvent.click(screen.getByRole('button', { name: 'Put in force' }));
    await waitFor(() => expect(patches(asked)).toEqual([['/api/v1/klusters/klu_1', '"3"', { overlap_policy: { mode: 'suggest', acknowledge_at_percent: null, block_at_percent: null } }]]));
  });
  it('stays open with the reason when somebody else changed it meanwhile', async () => {
    serve({ 'PATCH /api/v1/missions/mis_1': () => refusal(412, 'stale-version', 'The resource changed since it was read') });
    render(PolicyEdit, { open: true, of: mission });
    await screen.findByRole('dialog');
    await fireEvent.click(screen.getByRole('button', { name: 'Put in force' }));
    await screen.findByText('The resource changed since it was read');
    expect(screen.getByRole('dialog')).toBeTruthy();
  });
});
