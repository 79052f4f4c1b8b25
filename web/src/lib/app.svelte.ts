// What every screen knows: who is here, what runs, what waits.
import { api, get, isPageOf, signedIn, type AgentSession, type Approval, type Kluster, type Mission, type Node, type Role, type Schemas, type Task } from '$lib/api/client';
import { draftsOf } from '$lib/draft.svelte';
import type { Known } from '$lib/offline/index.svelte';
import { Collection, Tasks, streams, watch, type Stream } from '$lib/live/watch.svelte';
import { names } from '$lib/names.svelte';

/** Who asks, and with which roles: with others, other things are to be read. */
function whoOf(me: Schemas['WhoAmI'] | null): string {
  const { id, role, mission_roles } = me?.principal ?? { id: '', role: null, mission_roles: [] };
  return [id, role ?? '', ...mission_roles.map((held) => `${held.mission_id}=${held.role}`).sort()].join(' ');
}

const RANK: Record<Role, number> = { viewer: 1, contributor: 2, admin: 3 };

/** So many of the sessions that have ended and of the approvals that are decided are known at first. */
const RECENT = 200;

class App {
  me = $state<Schemas['WhoAmI'] | null>(null);
  /** Whether it was asked who is here. */
  asked = $state(false);
  /** Why nobody is logged in any more, although somebody works here: the login session is over, or another tab is somebody else's. */
  ended = $state<'over' | 'other' | null>(null);
  /** How often somebody logged in again here: what was refused meanwhile begins anew. */
  logins = $state(0);
  missions = new Collection<Mission>();
  klusters = new Collection<Kluster>();
  sessions = new Collection<AgentSession>();
  approvals = new Collection<Approval>();
  nodes = new Collection<Node>();
  stream = $state<Stream | null>(null);
  /** Since when what is shown is from, while the server has not answered since this page was opened. */
  knownAt = $state<number | null>(null);

  async identify(): Promise<boolean> {
    try {
      this.is(await get(api.GET('/api/v1/auth/whoami')));
      return true;
    } catch (error) {
      // Who was here stays: the page holds what they typed.
      if ((error as { problem?: { status: number } }).problem?.status !== 401) throw error;
      return false;
    } finally {
      this.asked = true;
    }
  }

  /** Asks again who is here; says whether they have other roles than before. For somebody else the page is not kept. */
  async renew(): Promise<boolean> {
    const me = await get(api.GET('/api/v1/auth/whoami'));
    if (!this.me || this.ended) return false;
    if (me.principal.id !== this.me.principal.id) {
      this.ended = 'other';
      return false;
    }
    const isOther = whoOf(me) !== whoOf(this.me);
    if (JSON.stringify(me) !== JSON.stringify(this.me)) this.is(me);
    return isOther;
  }

  /** Says who is here. With other roles than before, what is followed begins anew. */
  is(me: Schemas['WhoAmI']): void {
    const before = whoOf(this.me);
    draftsOf(me.principal.id);
    isPageOf(me.principal.id);
    this.me = me;
    names.put(me.principal.id, me.principal.name, me.principal.principal_kind);
    if (!this.stream || before === whoOf(me)) return;
    this.stream.stop();
    this.stream = null;
    if (!this.can('viewer')) this.nodes = new Collection();
    this.follow();
    streams.anew();
  }

  /** Goes on where it stopped: the same person has logged in again. */
  resume(me: Schemas['WhoAmI']): void {
    this.is(me);
    streams.resume();
    this.ended = null;
    this.logins += 1;
    signedIn();
  }

  follow(): void {
    if (this.stream) return;
    const lists: Record<string, Collection<never>> = {
      mission: this.missions as never,
      kluster: this.klusters as never,
      session: this.sessions as never,
      approval: this.approvals as never
    };
    let names = 'missions,klusters,sessions,approvals';
    // Nodes belong to the organization: a role in one mission does not show them.
    if (this.can('viewer')) {
      lists.node = this.nodes as never;
      names += ',nodes';
    }
    this.stream = streams.main = watch(`/api/v1/watch?lists=${names}&recent=${RECENT}`, whoOf(this.me), lists).start();
  }

  /** Follows some of the tasks, see [`Tasks`]. */
  tasks(query: Record<string, string>, fits: (task: Task) => boolean, told?: (task: Task | null) => void): Tasks {
    return new Tasks(() => whoOf(this.me), query, fits, told).start();
  }

  /** Reads what the snapshot left out, of one task or all of it. */
  async readOlder(kind: 'sessions' | 'approvals', task?: string): Promise<void> {
    let cursor: string | undefined;
    do {
      const query = { limit: 500, cursor };
      if (kind === 'sessions') {
        const page = await get(api.GET('/api/v1/sessions', { params: { query: { ...query, state: 'stopped,failed', task } } }));
        for (const session of page.items) this.sessions.put(session);
        cursor = page.next_cursor ?? undefined;
      } else {
        const page = await get(api.GET('/api/v1/approvals', { params: { query } }));
        for (const approval of page.items) this.approvals.put(approval);
        cursor = page.next_cursor ?? undefined;
      }
    } while (cursor);
    if (!task) this[kind].leftOut = 0;
  }

  /** Goes on with what was known when the server last answered. */
  goOn(known: Known): void {
    this.is(known.me);
    this.asked = true;
    this.knownAt = known.at;
    for (const mission of known.missions) this.missions.put(mission);
    for (const kluster of known.klusters) this.klusters.put(kluster);
    this.missions.ready = this.klusters.ready = true;
    this.follow();
    if (this.stream) this.stream.last = known.at;
  }

  leave(): void {
    this.knownAt = this.ended = null;
    isPageOf('');
    names.forget();
    this.stream?.stop();
    this.stream = streams.main = null;
    this.me = null;
    this.missions = new Collection();
    this.klusters = new Collection();
    this.sessions = new Collection();
    this.approvals = new Collection();
    this.nodes = new Collection();
  }

  /** Whether the caller has a role, in a mission or (without one) in the organization. */
  can(role: Role, missionId?: string | null): boolean {
    const me = this.me?.principal;
    if (!me) return false;
    const here = me.mission_roles.find((held) => held.mission_id === missionId)?.role;
    return [me.role, here].some((held) => held != null && RANK[held] >= RANK[role]);
  }

  get waiting(): Approval[] {
    return this.approvals.items.filter((approval) => approval.state === 'open').sort((a, b) => a.created_at.localeCompare(b.created_at));
  }
}

export const app = new App();
