// Roles, given to one or to many.
import { api, asProblem, get, type Problem, type Role, type Schemas } from '$lib/api/client';

export type Principal = Schemas['Principal'];
export const ROLES: Role[] = ['viewer', 'contributor', 'admin'];
/** At once no more than this many, so that they can be read before. */
export const MOST_CHANGED = 200;

/** Whether its role is given here: agents and nodes have theirs from what they work on. */
export const isSteered = (one: Principal): boolean => one.name !== 'system' && !['bootstrap', 'node', 'agent'].includes(one.principal_kind);

/** What somebody has now, in the organization or in a mission. */
export const roleOf = (one: Principal, missionId: string | null): Role | null => (missionId === null ? one.role : one.mission_roles.find((held) => held.mission_id === missionId)?.role) ?? null;

export interface Changed {
  of: Principal;
  before: Role | null;
  after: Principal | null;
  problem: Problem | null;
}

/**
 * Gives each the role, one call after the other, each against the version that was seen: when one is refused, the others
 * stand. `seen` is told of each as it is known. Ends early when the server does not answer: the rest is left as it is.
 */
export async function changeAll(people: readonly Principal[], mission: { id: string; name: string } | null, to: (one: Principal) => Role | null, seen: (one: Changed) => void): Promise<void> {
  for (const of of people) {
    const before = roleOf(of, mission?.id ?? null);
    try {
      const after = await get(api.PUT('/api/v1/principals/{ref}/role', { params: { path: { ref: of.id } }, body: { mission: mission?.name ?? null, role: to(of) }, headers: { 'if-match': `"${of.version}"` } }));
      seen({ of, before, after, problem: null });
    } catch (error) {
      const problem = asProblem(error);
      seen({ of, before, after: null, problem });
      if (problem.status === 0 || problem.status === 401) return;
    }
  }
}
