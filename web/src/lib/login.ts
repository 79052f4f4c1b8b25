// A token is exchanged for a login session that no script can read; it is kept nowhere.
import { api, get, type Problem, type Schemas } from '$lib/api/client';
import { tell } from '$lib/tabs';

const bearer = (token: string) => ({ authorization: `Bearer ${token.trim()}` });

/** Whose token it is; nobody is logged in by asking. */
export const whose = (token: string): Promise<Schemas['WhoAmI']> => get(api.GET('/api/v1/auth/whoami', { headers: bearer(token) }));

/** Logs this browser in, and says who is here then. */
export async function enter(token: string): Promise<Schemas['WhoAmI']> {
  await api.POST('/api/v1/auth/cookie', { body: {}, headers: bearer(token) });
  const me = await get(api.GET('/api/v1/auth/whoami'));
  tell({ in: me.principal.id });
  return me;
}

/** What went wrong with a token, in words for whoever typed it. */
export const inWords = (problem: Problem): Problem =>
  problem.status === 401 ? { ...problem, title: 'This token is not known', detail: 'It was mistyped, revoked, or belongs to another installation.' } : problem;
