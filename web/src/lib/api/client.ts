// The one way to the API: typed by the OpenAPI document, errors as problem documents, every change sent with an
// idempotency key so that sending it again is harmless.
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './schema';
import { forWhom } from './whom';

export type Schemas = components['schemas'];
export type Task = Schemas['Task'];
export type Mission = Schemas['Mission'];
export type Kluster = Schemas['Kluster'];
export type Approval = Schemas['Approval'];
export type AgentSession = Schemas['AgentSession'];
export type SessionEvent = Schemas['SessionEvent'];
export type Node = Schemas['Node'];
export type Publication = Schemas['Publication'];
export type Artifact = Schemas['Artifact'];
export type Doc = Schemas['Doc'];
export type LedgerEvent = Schemas['LedgerEvent'];
export type OverlapSuggestion = Schemas['OverlapSuggestion'];
export type OverlapFinding = Schemas['OverlapFinding'];
export type Problem = Schemas['Problem'];
export type Role = Schemas['Role'];

/** What the server refused, in its own words. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
  get slug(): string {
    return this.problem.type.split(':').at(-1) ?? '';
  }
}

/** A problem of our own making, for answers that are none of the server's. */
export function problem(status: number, title: string, detail: string, requestId?: string | null): Problem {
  return { type: 'urn:missioncontrol:ui:unreachable', title, status, detail, request_id: requestId ?? null };
}

export async function readProblem(response: Response): Promise<Problem> {
  return problemIn(await response.text().catch(() => ''), response.status, response.headers.get('x-request-id'));
}

/** The problem that an answer is which is an error. */
export function problemIn(text: string, status: number, requestId: string | null): Problem {
  try {
    const body = JSON.parse(text) as Problem;
    if (typeof body.title === 'string' && typeof body.type === 'string') return body;
  } catch {
    // Not a problem document: a proxy answered.
  }
  return problem(status, 'Unexpected answer', `the server answered ${status} without saying why`, requestId);
}

/** What made it fail, as a problem; never throws. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return problem(0, 'No answer in time', 'The server took too long. What you typed is kept; try again.');
  return problem(0, 'Server not reachable', 'The request did not arrive or its answer was lost. What you typed is kept; try again.');
}

let onSignedOut: () => void = () => {};
/** Says what to do when the login session has ended. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

/** The login session has ended. */
export const signedOut = (): void => onSignedOut();

let onForbidden: () => void = () => {};
/** Says what to do when something is refused to whoever is here: their roles may be others by now. */
export function whenForbidden(act: () => void): void {
  onForbidden = act;
}

let logins = 0;
/** How often somebody logged in again here. */
export const timesBack = (): number => logins;
let refused = new Set<() => void>();
/** Does something once, when somebody has logged in again here. */
export function whenBack(act: () => void): void {
  refused.add(act);
}

/** Somebody has logged in again. */
export function signedIn(): void {
  logins += 1;
  const acts = refused;
  refused = new Set();
  for (const act of acts) act();
}

let whom = '';
/** Says whose page this is, by id; with the cookie of somebody else nothing is asked for and nothing done. */
export function isPageOf(principal: string): void {
  whom = principal;
}

/** Headers that every change by cookie carries. */
export const changeHeaders = (): Record<string, string> => ({ 'x-mc-csrf': '1', ...forWhom(whom) });

const frame: Middleware = {
  onRequest({ request, schemaPath }) {
    // A token says by itself whose it is; and who is here is asked without knowing.
    if (!request.headers.has('authorization') && schemaPath !== '/api/v1/auth/whoami') for (const [name, value] of Object.entries(forWhom(whom))) request.headers.set(name, value);
    if (request.method !== 'GET') {
      request.headers.set('x-mc-csrf', '1');
      if (!request.headers.has('idempotency-key')) request.headers.set('idempotency-key', crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    throw new ProblemError(await readProblem(response));
  }
};

export const api = createClient<paths>({
  baseUrl: typeof location === 'undefined' ? '' : location.origin,
  fetch: async (request) => {
    const asked = logins;
    const response = await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(30_000)]) });
    // What was asked before somebody logged in again says nothing of now; a token that is not known, nothing of the login session.
    if (response.status === 401 && asked === logins && !request.headers.has('authorization')) onSignedOut();
    if (response.status === 403 && !request.headers.has('authorization')) onForbidden();
    return response;
  }
});
api.use(frame);

/** The data of an answer that is one, since everything else was thrown. */
export async function get<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
