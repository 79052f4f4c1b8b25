// The conversation of one session: its newest page first, older ones when they are asked for, new events as they come.
import { api, asProblem, get, type Problem, type Schemas } from '$lib/api/client';
import { app } from '$lib/app.svelte';
import { backOff } from '$lib/live/sse';
import { Stream } from '$lib/live/watch.svelte';
import { Conversation, type Item, type Usage } from './reduce';

/** Items of a page. */
const STEP = 60;
/** Events that the end of long words is read from. */
const TAIL = 300;
/** Of fewer items than this, the page before is read at once, */
const FEW = 8;
/** unless they hold this many characters of words, which fill every screen. */
const FULL = 16_000;
/** Pages without an item that are gone over in search of one. */
const EMPTY = 20;

export class Follow {
  items = $state.raw<Item[]>([]);
  /** Where the page before begins; `null` at the beginning of the conversation. */
  cursor = $state<string | null>(null);
  problem = $state<Problem | null>(null);
  ended = $state(false);
  /** Whether the newest page is there. */
  opened = $state(false);
  /** Whether older ones are being read. */
  busy = $state(false);
  usage = $state<Usage | null>(null);
  stream = $state<Stream | null>(null);
  #talk = new Conversation();
  #paint = 0;
  #stop = new AbortController();

  #beginning = false;

  constructor(private readonly id: string) {
    void this.begin();
  }

  async #read(cursor?: string): Promise<Schemas['Conversation']> {
    return get(api.GET('/api/v1/sessions/{ref}/conversation', { params: { path: { ref: this.id }, query: { limit: STEP, cursor } }, signal: this.#stop.signal }));
  }

  /** What was said last may be longer than an item holds: its end is read from the events. */
  async #end(page: Schemas['Conversation']): Promise<void> {
    const last = page.items.findLast((item) => ['message', 'thought', 'stderr'].includes(item.kind));
    if (!last?.is_cut) return;
    const from = Math.max(last.seq, last.last_seq - TAIL + 1);
    const events = await get(api.GET('/api/v1/sessions/{ref}/events', { params: { path: { ref: this.id }, query: { from, limit: TAIL } }, signal: this.#stop.signal }));
    this.#talk.end(last.seq, events.items.filter((event) => event.seq <= last.last_seq));
  }

  /** Reads the newest page, as often as the server does not answer, and follows from there. Again, when it was refused. */
  begin = async (): Promise<void> => {
    if (this.#beginning || this.stream) return;
    this.#beginning = true;
    try {
      await this.#open();
    } finally {
      this.#beginning = false;
    }
  };

  async #open(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures += 1) {
      try {
        const page = await this.#read();
        this.#talk.begin(page);
        this.cursor = page.next_cursor ?? null;
        await this.#end(page);
        this.problem = null;
        break;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const problem = asProblem(error);
        this.problem = problem;
        if (problem.status !== 0 && problem.status < 500 && problem.status !== 429) return;
        await new Promise((resolve) => setTimeout(resolve, backOff(failures)));
      }
    }
    if (this.#stop.signal.aborted) return;
    this.#draw();
    this.#follow();
    // A page leaves words that began before it to the page before: what is said last may stand there.
    for (let pages = 0; pages < 2 && this.cursor !== null && this.#talk.items.length < FEW && this.#talk.length < FULL; pages += 1) await this.older();
    this.opened = true;
  }

  #follow(): void {
    this.stream = new Stream(() => ({ what: 'events', as: app.me?.principal.id ?? '', session: this.id, from: this.#talk.seq + 1 }), {
      message: ({ event, data }) => {
        if (event === 'end') this.#over();
        else if (this.#talk.take(JSON.parse(data) as Schemas['SessionEvent'])) this.#draw();
      }
    }).start();
  }

  /** Begins where it was refused, after logging in again; what was open goes on by itself. */
  again(): void {
    void this.begin();
  }

  #over(): void {
    this.ended = true;
    this.stream?.stop();
  }

  /** Reads what came before what is shown. */
  older = async (): Promise<void> => {
    if (this.busy || this.cursor === null) return;
    this.busy = true;
    try {
      for (let pages = 0; pages < EMPTY && this.cursor !== null; pages += 1) {
        const page: Schemas['Conversation'] = await this.#read(this.cursor);
        this.#talk.before(page);
        this.cursor = page.next_cursor ?? null;
        if (page.items.length) break;
      }
      this.problem = null;
      this.#draw();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.problem = asProblem(error);
    } finally {
      this.busy = false;
    }
  };

  // Words may come a hundred times a second; the page is drawn once a frame.
  #draw(): void {
    if (this.#paint) return;
    this.#paint = requestAnimationFrame(() => {
      this.#paint = 0;
      // A new object for what changed, so that only that is drawn again.
      const held = new Map(this.items.map((item) => [item.seq, item]));
      this.items = this.#talk.items.map((item) => {
        const before = held.get(item.seq);
        return before && before.rev === item.rev && before.type === item.type ? before : { ...item };
      });
      this.usage = this.#talk.usage;
    });
  }

  stop(): void {
    this.#stop.abort();
    this.stream?.stop();
    cancelAnimationFrame(this.#paint);
  }
}
