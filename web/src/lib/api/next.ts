// Parts of the API that an older server does not have: each is used where its answer shows it, and done without elsewhere.
import { api, asProblem, get, type Approval, type Problem } from './client';

/** Who may decide, and how much it may do. */
export interface Review {
  risk: 'read' | 'change' | 'destructive';
  risk_reason: string;
  policy: string;
  may_decide: boolean;
  why_not: string | null;
  deciders: { id: string; name: string; role: string }[];
  more_deciders: boolean;
}
export const reviewOf = (approval: Approval): Review | null => (approval as Approval & { review?: Review | null }).review ?? null;

/** Any operation by its path. */
export const call = <T>(method: 'get' | 'post' | 'put' | 'delete', path: string, init: { params?: unknown; body?: unknown } = {}): Promise<T> =>
  get((api.request as (method: string, path: string, init: unknown) => Promise<{ data?: T }>)(method, path, init));

export interface Decision {
  approval: Approval;
  verb: 'approve' | 'reject';
}
export interface Decided {
  approval: Approval;
  result: Approval | null;
  problem: Problem | null;
}

/**
 * Decides several, each bound to its own digest and each for itself: one may fail and the others stand. `seen` is told of
 * each as it is known.
 */
export async function decideAll(decisions: readonly Decision[], note: string, seen: (one: Decided) => void): Promise<void> {
  const items = decisions.map(({ approval, verb }) => ({ approval: approval.id, decision: verb, action_sha256: approval.action_sha256, note: note || null }));
  try {
    const answer = await call<{ items: { approval: string; result?: Approval; problem?: Problem }[] }>('post', '/api/v1/approvals/decide', { body: { items } });
    for (const one of answer.items) {
      const asked = decisions.find(({ approval }) => approval.id === one.approval);
      if (asked) seen({ approval: asked.approval, result: one.result ?? null, problem: one.problem ?? null });
    }
    return;
  } catch (error) {
    // A server without it answers that the path takes no POST.
    if (![404, 405].includes(asProblem(error).status)) throw error;
  }
  for (const { approval, verb } of decisions) {
    const init = { params: { path: { ref: approval.id } }, body: { action_sha256: approval.action_sha256, note: note || null, option: null } };
    try {
      const answer = verb === 'approve' ? await api.POST('/api/v1/approvals/{ref}/approve', init) : await api.POST('/api/v1/approvals/{ref}/reject', init);
      seen({ approval, result: answer.data ?? null, problem: null });
    } catch (error) {
      seen({ approval, result: null, problem: asProblem(error) });
    }
  }
}
