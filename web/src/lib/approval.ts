// What an approval binds: the exact canonical action and its digest, recomputed here.
import type { Approval } from '$lib/api/client';
import { reviewOf } from '$lib/api/next';

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
  return reviewOf(approval)?.risk === 'destructive' || approval.approval_kind === 'publish' || (kind !== undefined && GRAVE.has(kind));
}

/** Indented for reading; the canonical text is what the digest is of. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
