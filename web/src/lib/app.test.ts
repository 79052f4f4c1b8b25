import { waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AT, logIn, refusal, serve, silence } from '../test-server';
import { api, whenForbidden, type Role } from './api/client';
import { app } from './app.svelte';

const me = (role: Role | null, id = 'prn_me') => ({ governance_profile: 'development', principal: { id, name: 'ann', principal_kind: 'user', role, mission_roles: [], version: 1, created_at: AT } });

beforeEach(() => logIn('viewer'));
afterEach(() => app.leave());

describe('who is here', () => {
  it('has the roles of now when they are asked for again, and what is followed begins anew with them', async () => {
    let now = me('viewer');
    const asked = serve({ 'GET /api/v1/auth/whoami': () => now, 'GET /api/v1/watch': silence, 'GET /api/v1/tasks': silence });
    const lists = () => asked.filter(({ path }) => path === '/api/v1/watch').map(({ search }) => search.get('lists'));
    const snapshots = () => asked.filter(({ path }) => path === '/api/v1/tasks').length;
    app.follow();
    const tasks = app.tasks({}, () => true);
    await waitFor(() => expect([lists(), snapshots()]).toEqual([['missions,klusters,sessions,approvals,nodes'], 1]));
    expect(await app.renew()).toBe(false);
    now = me('contributor');
    expect([await app.renew(), app.can('contributor')]).toEqual([true, true]);
    await waitFor(() => expect([lists().length, snapshots()]).toEqual([2, 2]));
    // Nodes belong to the organization: without a role there, their list would be refused, and all with it.
    now = me(null);
    expect([await app.renew(), app.can('viewer')]).toEqual([true, false]);
    await waitFor(() => expect([lists().at(-1), lists().length, snapshots()]).toEqual(['missions,klusters,sessions,approvals', 3, 3]));
    tasks.stop();
  });
  it('does not become somebody else', async () => {
    serve({ 'GET /api/v1/auth/whoami': () => me('admin', 'prn_eve') });
    expect(await app.renew()).toBe(false);
    expect([app.ended, app.me?.principal.id, app.can('admin')]).toEqual(['other', 'prn_me', false]);
  });
  it('is named in each request but where that is what is asked for, or a token says it', async () => {
    const asked = serve({});
    app.is(me('viewer') as never);
    await api.GET('/api/v1/missions').catch(() => {});
    await api.POST('/api/v1/missions', { body: { name: 'apollo' } }).catch(() => {});
    await api.GET('/api/v1/auth/whoami').catch(() => {});
    await api.POST('/api/v1/auth/cookie', { body: {}, headers: { authorization: 'Bearer mcs_other' } }).catch(() => {});
    app.leave();
    await api.GET('/api/v1/missions').catch(() => {});
    expect(asked.map(({ headers }) => headers.get('x-mc-principal'))).toEqual(['prn_me', 'prn_me', null, null, null]);
  });
  it('is asked for again when something is refused', async () => {
    const told = vi.fn();
    whenForbidden(told);
    serve({ 'POST /api/v1/missions': () => refusal(403, 'forbidden', 'Forbidden') });
    await api.GET('/api/v1/auth/whoami').catch(() => {});
    expect(told).not.toHaveBeenCalled();
    await api.POST('/api/v1/missions', { body: { name: 'apollo' } }).catch(() => {});
    expect(told).toHaveBeenCalledTimes(1);
    whenForbidden(() => {});
  });
});
