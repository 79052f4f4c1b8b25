import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProblemError, api, type Problem } from '$lib/api/client';
import { changeAll, isSteered, roleOf, type Changed, type Principal } from './roles';

const person = (id: string, more: Partial<Principal> = {}): Principal => ({ id: `prn_${id}`, name: id, version: 3, principal_kind: 'user', role: 'viewer', mission_roles: [], ...more }) as unknown as Principal;
const refused = (status: number): Problem => ({ type: 'urn:missioncontrol:problem:x', title: `No ${status}`, status, detail: 'because', request_id: null });
afterEach(() => void vi.restoreAllMocks());

/** Answers each call by the name of whom it is about. */
function answering(how: Record<string, number>): { calls: { ref: string; body: unknown; match: string }[] } {
  const calls: { ref: string; body: unknown; match: string }[] = [];
  vi.spyOn(api, 'PUT').mockImplementation((async (_path: string, init: { params: { path: { ref: string } }; body: { role: Principal['role'] }; headers: Record<string, string> }) => {
    const { ref } = init.params.path;
    calls.push({ ref, body: init.body, match: init.headers['if-match'] ?? '' });
    const status = how[ref.slice(4)];
    if (status === 0) throw new TypeError('network');
    if (status) throw new ProblemError(refused(status));
    return { data: { ...person(ref.slice(4)), role: init.body.role, version: 4 } };
  }) as never);
  return { calls };
}

describe('roles of several', () => {
  it('are changed one by one, against what was seen; one that is refused leaves the others', async () => {
    const { calls } = answering({ b: 412 });
    const seen: Changed[] = [];
    await changeAll(['a', 'b', 'c'].map((id) => person(id)), { id: 'mis_1', name: 'apollo' }, () => 'admin', (one) => seen.push(one));
    expect(calls.map((call) => call.ref)).toEqual(['prn_a', 'prn_b', 'prn_c']);
    expect(calls[0]).toMatchObject({ match: '"3"', body: { mission: 'apollo', role: 'admin' } });
    expect(seen.map((one) => [one.of.name, one.after?.role ?? null, one.problem?.status ?? null])).toEqual([['a', 'admin', null], ['b', null, 412], ['c', 'admin', null]]);
  });
  it('ends when the server is gone: what was not tried is as it was', async () => {
    const { calls } = answering({ b: 0 });
    const seen: Changed[] = [];
    await changeAll(['a', 'b', 'c'].map((id) => person(id)), null, () => null, (one) => seen.push(one));
    expect([calls.length, seen.length, seen[1]?.problem?.status]).toEqual([2, 2, 0]);
  });
  it('are of people and programs only, and known by place', () => {
    expect([person('a'), person('b', { principal_kind: 'agent' }), person('system')].map(isSteered)).toEqual([true, false, false]);
    const ann = person('ann', { mission_roles: [{ mission_id: 'mis_1', role: 'admin' }] as never });
    expect([roleOf(ann, null), roleOf(ann, 'mis_1'), roleOf(ann, 'mis_2')]).toEqual(['viewer', 'admin', null]);
  });
});
