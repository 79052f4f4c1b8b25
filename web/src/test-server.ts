// What stands where the server is when a component is tested by itself: answers by method and path, and what was asked for.
import { vi } from 'vitest';
import type { Approval, Role, Schemas } from '$lib/api/client';
import { app } from '$lib/app.svelte';

export interface Asked {
  method: string;
  path: string;
  search: URLSearchParams;
  body: unknown;
  headers: Headers;
}
type Answer = (asked: Asked) => unknown;

/** Answers with JSON, with a `Response` as it is, with a promise when that is there, and refuses what nobody answers. */
export function serve(routes: Record<string, Answer>): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal('fetch', async (input: Request | URL | string, init?: RequestInit) => {
    const [url, method, headers] = input instanceof Request ? [input.url, input.method, input.headers] : [String(input), init?.method ?? 'GET', new Headers(init?.headers)];
    const text = input instanceof Request ? await input.text() : String(init?.body ?? '');
    const { pathname, searchParams } = new URL(url, location.origin);
    const asked = { method, path: pathname, search: searchParams, body: text ? (JSON.parse(text) as unknown) : null, headers };
    all.push(asked);
    const answer = await routes[`${method} ${asked.path}`]?.(asked);
    if (answer instanceof Response) return answer;
    return answer === undefined ? refusal(404, 'not-found', 'Resource not found') : new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } });
  });
  return all;
}

export const refusal = (status: number, slug: string, title: string): Response =>
  new Response(JSON.stringify({ type: `urn:missioncontrol:problem:${slug}`, title, status, detail: 'as the test wanted' }), { status, headers: { 'content-type': 'application/problem+json' } });

/** A stream that says nothing and does not end. */
export const silence = (): Response => new Response(new ReadableStream<Uint8Array>(), { headers: { 'content-type': 'text/event-stream' } });

export const AT = '2026-01-01T00:00:00.000000Z';

/** Somebody with this role in the organization is logged in. */
export function logIn(role: Role | null, id = 'prn_me'): void {
  app.me = { governance_profile: 'development', principal: { id, name: 'ann', principal_kind: 'user', role, mission_roles: [], version: 1, created_at: AT } } as unknown as Schemas['WhoAmI'];
}

export async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** An approval that waits, bound to this call of a tool. */
export async function waiting(toolCall: Record<string, unknown>, more: Partial<Approval> = {}): Promise<Approval> {
  const action = JSON.stringify({ options: [], session: 'ses_1', tool_call: toolCall });
  return {
    action, action_sha256: await digestOf(action), approval_kind: 'agent_permission', created_at: AT, execute: 'by_server', expires_at: '2036-01-01T00:00:00.000000Z', id: 'apr_1', mission: 'apollo', mission_id: 'mis_1',
    requester: 'agent-1', requester_id: 'prn_agent', self_approved: false, state: 'open', title: String(toolCall.title ?? 'permission'), updated_at: AT, version: 1, ...more
  } as Approval;
}
