// The one outbox of the page, and what was known when the server last answered.
import { api, type Kluster, type Mission, type Schemas } from '$lib/api/client';
import { forgetDrafts } from '$lib/draft.svelte';
import { tell } from '$lib/tabs';
import { table } from './idb';
import { Outbox, type Draft, type Sent, type Write } from './outbox';

const box = new Outbox(
  table<Write>('outbox'),
  async (write) => (await (api.request as (method: string, path: string, init: unknown) => Promise<{ data?: unknown }>)(write.method, write.path, { params: { query: {}, ...write.params }, body: write.body, headers: { ...write.headers, 'idempotency-key': write.key } })).data,
  async (act) => {
    // Two pages of one browser must not send the same write at once.
    if (navigator.locks) await navigator.locks.request('mc-outbox', act);
    else await act();
  }
);

class Pending {
  items = $state.raw<Write[]>([]);
  constructor() {
    box.onChange = () => (this.items = box.items);
  }
  begin = (principal: string | null) => box.begin(principal);
  submit = <T>(draft: Draft): Promise<Sent<T>> => box.submit<T>(draft);
  replay = () => box.replay();
  again = (id: string) => box.again(id);
  discard = (id: string) => box.discard(id);
  stop = () => box.stop();
  get waiting(): number {
    return this.items.filter((write) => write.state === 'waiting').length;
  }
  get refused(): number {
    return this.items.filter((write) => write.state === 'refused').length;
  }
}
export const pending = new Pending();

/** Enough to write while the server is away. */
export interface Known {
  id: 'last';
  at: number;
  me: Schemas['WhoAmI'];
  missions: Mission[];
  klusters: Kluster[];
}
const known = table<Known>('known');
export const remember = (now: Omit<Known, 'id' | 'at'>): Promise<void> => known.put({ id: 'last', at: Date.now(), ...now }).catch(() => {});
export const recall = async (): Promise<Known | null> => (await known.all().catch(() => []))[0] ?? null;
/** Of logging out: what is known of whoever was here goes, in every tab. */
export const forget = (): Promise<void> => {
  forgetDrafts();
  tell({ out: true });
  return known.remove('last').catch(() => {});
};
