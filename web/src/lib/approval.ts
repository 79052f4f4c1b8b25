// What an approval binds: the exact canonical action and its digest, recomputed here.
import { api, get, problem, ProblemError, type Approval, type Problem } from '$lib/api/client';

export interface Option {
  id: string;
  name: string;
  kind: string;
}

interface Action {
  options?: Option[];
  session?: string;
  tool_call?: { title?: string; kind?: string; rawInput?: unknown; content?: unknown[]; locations?: { path?: string }[] };
  [key: string]: unknown;
}

export function actionOf(approval: Approval): Action {
  try {
    const action = JSON.parse(approval.action) as unknown;
    return action !== null && typeof action === 'object' ? (action as Action) : {};
  } catch {
    return {};
  }
}

/** SHA-256 of a text in hex; `null` where the browser computes none (no TLS, not loopback). */
export async function sha256(text: string): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Kinds of deeds that are asked about twice. */
const GRAVE = new Set(['delete', 'execute', 'move']);

/** Whether saying yes may destroy something or leaves this installation. */
export function isGrave(approval: Approval): boolean {
  const kind = actionOf(approval).tool_call?.kind;
  return approval.review?.risk === 'destructive' || approval.approval_kind === 'publish' || (kind !== undefined && GRAVE.has(kind));
}

/** Indented for reading; the canonical text is what the digest is of. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export interface Decision {
  approval: Approval;
  verb: 'approve' | 'reject';
  /** Somebody was asked about this grave deed once more, and said so. */
  sure?: boolean;
  /** Of those that the agent offers; its plain yes or no without one. */
  option?: string;
}
export interface Decided {
  approval: Approval;
  result: Approval | null;
  problem: Problem | null;
}

/** No way to an approval leads around this: the action is what its digest is of, and a grave one was asked about twice. */
async function check({ approval, verb, sure }: Decision): Promise<void> {
  if (verb !== 'approve') return;
  const refuse = (why: string) => new ProblemError({ ...problem(0, 'Not approved', `${approval.title}: ${why}`), type: 'urn:missioncontrol:ui:not-approved' });
  const digest = await sha256(approval.action);
  if (digest !== null && digest !== approval.action_sha256) throw refuse('what is shown is not what the digest is of. Nothing was sent.');
  if (isGrave(approval) && !sure) throw refuse('this kind of deed may not be undone, and nobody said that they are sure. Nothing was sent.');
}

/** Decides one, bound to the digest of what was shown. */
export async function decide(decision: Decision, note: string): Promise<Approval> {
  await check(decision);
  const { approval, verb, option } = decision;
  const init = { params: { path: { ref: approval.id } }, body: { action_sha256: approval.action_sha256, note: note || null, option: option ?? null } };
  return get(verb === 'approve' ? api.POST('/api/v1/approvals/{ref}/approve', init) : api.POST('/api/v1/approvals/{ref}/reject', init));
}

/** Of one call; the server takes no more. */
const MOST_DECISIONS = 100;

/**
 * Decides several, each bound to its own digest and each for itself: one may fail and the others stand. `key`: of the
 * batch; sent again with the same one, what was decided is answered as it was. `seen` is told of each as it is known.
 */
export async function decideAll(decisions: readonly Decision[], note: string, key: string, seen: (one: Decided) => void): Promise<void> {
  for (const decision of decisions) await check(decision);
  for (let from = 0; from < decisions.length; from += MOST_DECISIONS) {
    const part = decisions.slice(from, from + MOST_DECISIONS);
    const items = part.map(({ approval, verb, option }) => ({ approval: approval.id, decision: verb, action_sha256: approval.action_sha256, note: note || null, option: option ?? null }));
    const answer = await get(api.POST('/api/v1/approvals/decide', { body: { items }, headers: { 'idempotency-key': `${key}-${from}` } }));
    answer.items.forEach((one, index) => {
      const asked = part[index];
      if (asked) seen({ approval: asked.approval, result: one.result ?? null, problem: one.problem ?? null });
    });
  }
}
