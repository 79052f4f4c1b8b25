// How many tasks are in which state, by mission or by kluster; read again when agents move on, and every now and then.
import { api, get, type Schemas } from '$lib/api/client';
import { app } from '$lib/app.svelte';
import { Load } from '$lib/load.svelte';

export type Counted = Schemas['TaskCounts'];
const EVERY = 20_000;

/** Called while a component is made; `query` may change. */
export function counts(query: () => { mission?: string; by: 'mission' | 'kluster' }): { readonly of: Map<string, Counted> } {
  const loaded = new Load(async () => {
    const found: Counted[] = [];
    let cursor: string | undefined;
    do {
      const page = await get(api.GET('/api/v1/task-counts', { params: { query: { ...query(), limit: 500, cursor } } }));
      found.push(...page.items);
      cursor = page.next_cursor ?? undefined;
    } while (cursor && found.length < 5_000);
    return new Map(found.map((one) => [one.kluster_id ?? one.mission_id, one]));
  });
  const pulse = $derived(app.sessions.items.reduce((sum, session) => sum + session.version, app.approvals.items.length + app.missions.size + app.klusters.size));
  let first = true;
  $effect(() => {
    void [query(), pulse];
    const timer = setTimeout(() => void loaded.run(), first ? 0 : 1_200);
    first = false;
    const again = setInterval(() => { if (!document.hidden) void loaded.run(); }, EVERY);
    return () => { clearTimeout(timer); clearInterval(again); };
  });
  return { get of() { return loaded.data ?? new Map<string, Counted>(); } };
}
