// The streams of a browser, held once for all of its pages.
//
// A browser keeps at most six connections to a host over HTTP/1.1, in all of its pages together, and a stream holds one as
// long as it lasts. Pages therefore hold none. The hub has one for the lists that every page knows, one for the changes of
// all tasks, and few for conversations; what is left over is read by short requests, so that it is late by a second and
// nothing waits. It runs in a worker that all pages share, or, where there is none, in the page itself.
import { forWhom } from '../api/whom';
import { Parser, backOff, type Message } from './sse';

export type StreamState = 'connecting' | 'live' | 'stale' | 'refused';

/** An answer that was none of what was asked for, as it came. */
export interface Refusal {
  status: number;
  text: string;
  requestId: string | null;
}

export interface Health {
  state: StreamState;
  /** When the last sign of life came; `null` before the first. */
  last: number | null;
  /** When it is tried again. */
  retryAt: number | null;
  refusal: Refusal | null;
}

/** What a page follows. `as` is who asks, by id, and with which roles: what one principal was told is no other's. */
export type Want =
  /** Lists, from their snapshots on. */
  | { what: 'lists'; as: string; path: string }
  /** Changes of all tasks that may be read, after a position of the ledger. */
  | { what: 'tasks'; as: string; from: number }
  /** The events of one agent session, from a position on. */
  | { what: 'events'; as: string; session: string; from: number };

/** What a page says to the hub. */
export type Ask =
  | { ask: 'open'; id: number; want: Want }
  | { ask: 'shut'; id: number }
  /** Nobody waits any longer before the next try. */
  | { ask: 'retry' }
  | { ask: 'shown'; shown: boolean }
  /** The page holds this lock as long as it lives. */
  | { ask: 'lock'; lock: string }
  | { ask: 'bye' };

export type Said =
  /** Snapshots begin, of all lists but those of these kinds. */
  | { say: 'begin'; except: string[] }
  | { say: 'messages'; messages: Message[] }
  /** The changes do not reach back to where the page stands: it takes a snapshot and asks anew. */
  | { say: 'again' }
  | { say: 'health'; health: Health };

/** What the hub says to a page, about one of the things it follows. */
export type Say = { say: 'hello' } | (Said & { id: number });

/** The server says at least every 15 s that it lives. */
const SILENCE = 40_000;
/** A page is told that a line lives at most this often. */
const TOLD = 5_000;
/** A page that is hidden for longer gives its conversations back. */
const GRACE = 10_000;
/** How often a conversation is read that has no stream. */
const EVERY = 1_000;
const PAGE = 200;
/** Of so many readings in a row that find nothing, one asks whether the session has ended. */
const LOOK = 5;
/** Changes of tasks that are kept for pages that come a little later than their snapshot. */
const KEPT = 1_000;

class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(`answered with ${refusal.status}`);
  }
}

async function ask(path: string, as: string, signal: AbortSignal, accept: string): Promise<Response> {
  const response = await fetch(path, { signal, headers: { accept, ...forWhom(as) }, cache: 'no-store' });
  if (response.ok) return response;
  throw new Refused({ status: response.status, text: await response.text().catch(() => ''), requestId: response.headers.get('x-request-id') });
}

/** Reads a stream to its end. */
async function listen(path: string, as: string, signal: AbortSignal, alive: () => void, opened: () => void, take: (messages: Message[]) => void): Promise<void> {
  const response = await ask(path, as, signal, 'text/event-stream');
  if (!response.body) return;
  opened();
  alive();
  const parser = new Parser();
  const reader = response.body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const messages = parser.feed(value);
    if (messages.length) take(messages);
  }
}

/** What comes after reading: nothing any more, another try, or the next reading after so many milliseconds. */
type Next = 'over' | 'broken' | number;
type Read = (signal: AbortSignal, alive: () => void) => Promise<Next>;

/** One connection that does not stay broken. */
class Line {
  health: Health;
  #stop = new AbortController();
  #wake = () => {};
  #failures = 0;
  /** Since when nothing was heard, or when it was asked last. */
  #since = Date.now();
  #told = 0;

  constructor(
    private readonly read: Read,
    before: Health | null,
    private readonly tell: (health: Health) => void
  ) {
    this.health = before ?? { state: 'connecting', last: null, retryAt: null, refusal: null };
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  retry(): void {
    this.#wake();
  }

  #be(change: Partial<Health>): void {
    if (this.#stop.signal.aborted) return;
    this.health = { ...this.health, ...change };
    this.#told = Date.now();
    this.tell(this.health);
  }

  #alive = (): void => {
    this.#since = Date.now();
    this.#failures = 0;
    if (this.health.state !== 'live' || this.#since - this.#told > TOLD) this.#be({ state: 'live', last: this.#since, retryAt: null, refusal: null });
    else this.health.last = this.#since;
  };

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const cut = new AbortController();
      this.#since = Date.now();
      const silence = setInterval(() => {
        if (Date.now() - this.#since > SILENCE) cut.abort();
      }, 5_000);
      let next: Next = 'broken';
      try {
        next = await this.read(AbortSignal.any([signal, cut.signal]), this.#alive);
      } catch (error) {
        if (error instanceof Refused) {
          const { refusal } = error;
          // Waiting helps against overload and restarts; it does not against a refusal.
          if (refusal.status < 500 && ![408, 410, 429].includes(refusal.status)) return this.#be({ state: 'refused', refusal });
          this.health.refusal = refusal;
        }
      } finally {
        clearInterval(silence);
        cut.abort();
      }
      if (signal.aborted || next === 'over') return;
      if (next === 'broken') {
        next = backOff(this.#failures++);
        this.#be({ state: 'stale', retryAt: Date.now() + next });
      }
      await this.#wait(next);
    }
  }

  #wait(time: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

class Page {
  isShown = true;
  shownAt = Date.now();
  hiding: ReturnType<typeof setTimeout> | undefined;
  /** What it follows, by its own number, and how that ends. */
  readonly open = new Map<number, () => void>();
  constructor(readonly port: Pick<MessagePort, 'postMessage'>) {}
}

/** A page that is told of something. */
class Ear {
  constructor(
    readonly page: Page,
    readonly id: number
  ) {}
  say(said: Said): void {
    this.page.port.postMessage({ ...said, id: this.id } satisfies Say);
  }
}

/** What several pages may follow at once. */
abstract class Source {
  readonly ears = new Set<Ear>();
  #line: Line | null = null;

  protected abstract read: Read;

  protected say(said: Said): void {
    for (const ear of this.ears) ear.say(said);
  }

  get health(): Health | null {
    return this.#line?.health ?? null;
  }

  go(before: Health | null = null): void {
    this.#line?.stop();
    this.#line = new Line((signal, alive) => this.read(signal, alive), before, (health) => this.say({ say: 'health', health }));
  }

  rest(): void {
    this.#line?.stop();
    this.#line = null;
  }

  retry(): void {
    if (this.#line?.health.state === 'refused') this.go();
    else this.#line?.retry();
  }

  /** A page joins; it is told how things stand. */
  join(ear: Ear): void {
    this.ears.add(ear);
    if (!this.#line || this.#line.health.state === 'refused') this.go();
    else ear.say({ say: 'health', health: this.#line.health });
  }
}

/** Not all changes of these have a position: they begin with their snapshot each time. */
const WITHOUT = 'session';

/** Lists, with what they hold, for pages that join later. */
class Lists extends Source {
  #held = new Map<string, Map<string, { version: number; message: Message }>>();
  #marks = new Map<string, Message>();
  /** Where each kind stands whose snapshot is whole. */
  #at = new Map<string, string>();

  constructor(
    private readonly path: string,
    private readonly as: string
  ) {
    super();
  }

  protected override read: Read = async (signal, alive) => {
    const except = [...this.#at.keys()].filter((kind) => kind !== WITHOUT);
    const opened = () => {
      for (const held of [this.#held, this.#marks, this.#at]) for (const kind of [...held.keys()]) if (!except.includes(kind)) held.delete(kind);
      this.say({ say: 'begin', except });
    };
    const from = except.map((kind) => `${kind}s:${this.#at.get(kind)}`).join();
    try {
      await listen(this.path + (from && `&from=${from}`), this.as, signal, alive, opened, (messages) => {
        messages.forEach((message) => this.#keep(message));
        this.say({ say: 'messages', messages });
      });
    } catch (error) {
      // The ledger was taken back to before one of the positions: all begin anew.
      if (error instanceof Refused && error.refusal.status === 410) this.#at.clear();
      throw error;
    }
    return 'broken';
  };

  #keep(message: Message): void {
    const { kind, id, version } = JSON.parse(message.data) as { kind: string; id: string; version: number };
    if (message.event === 'bookmark') this.#marks.set(kind, message);
    if (this.#marks.has(kind)) this.#at.set(kind, message.id);
    if (message.event === 'bookmark') return;
    const held = this.#held.get(kind) ?? new Map<string, { version: number; message: Message }>();
    this.#held.set(kind, held);
    if (message.event === 'deleted') held.delete(id);
    else if ((held.get(id)?.version ?? 0) <= version) held.set(id, { version, message });
  }

  override join(ear: Ear): void {
    const messages = [...this.#held.values()].flatMap((list) => [...list.values()].map((held) => held.message));
    if (this.health && (messages.length || this.#marks.size)) {
      ear.say({ say: 'begin', except: [] });
      ear.say({ say: 'messages', messages: [...messages, ...this.#marks.values()] });
    }
    super.join(ear);
  }
}

/** Changes of all tasks, without a gap from the first position that was asked for. */
class Changes extends Source {
  /** After this position, everything is in `#kept`. */
  #since: number;
  /** Everything up to here was told. */
  #at: number;
  #kept: Message[] = [];

  constructor(
    from: number,
    private readonly as: string
  ) {
    super();
    this.#since = this.#at = from;
  }

  protected override read: Read = async (signal, alive) => {
    try {
      await listen(`/api/v1/tasks?watch=true&from=${this.#at}`, this.as, signal, alive, () => {}, (messages) => this.#take(messages));
      return 'broken';
    } catch (error) {
      if (!(error instanceof Refused) || error.refusal.status !== 410) throw error;
      // The ledger was taken back to before this position: who follows begins anew.
      for (const ear of [...this.ears]) ear.say({ say: 'again' });
      this.ears.clear();
      return 'over';
    }
  };

  #take(messages: Message[]): void {
    this.#kept.push(...messages);
    this.#at = Number(messages.at(-1)?.id ?? this.#at);
    const over = this.#kept.length - KEPT;
    if (over > 0) this.#since = Number(this.#kept.splice(0, over).at(-1)?.id);
    this.say({ say: 'messages', messages });
  }

  /** Whether a page that stands there misses nothing. */
  reaches(from: number): boolean {
    return from >= this.#since;
  }

  joinAt(ear: Ear, from: number): void {
    const messages = this.#kept.filter((message) => Number(message.id) > from);
    if (messages.length) ear.say({ say: 'messages', messages });
    this.join(ear);
  }
}

/** States of a session that has ended. */
const OVER = ['stopped', 'failed'];

/** The conversation of one session in one page. */
class Talk {
  #mode: 'rest' | 'stream' | 'poll' = 'rest';
  #line: Line | null = null;
  #health: Health | null = null;
  #from: number;
  /** How often in a row nothing was read. */
  #quiet = 0;
  isOver = false;

  constructor(
    readonly ear: Ear,
    private readonly want: Extract<Want, { what: 'events' }>,
    /** Its place is free. */
    private readonly left: () => void
  ) {
    this.#from = want.from;
  }

  follow(mode: 'rest' | 'stream' | 'poll'): void {
    if (mode === this.#mode) return;
    this.#line?.stop();
    this.#mode = mode;
    this.#line = mode === 'rest' ? null : new Line(mode === 'stream' ? this.#stream : this.#poll, this.#health, (health) => {
      this.#health = health;
      this.ear.say({ say: 'health', health });
    });
  }

  retry(): void {
    if (this.#health?.state !== 'refused') return this.#line?.retry();
    const mode = this.#mode;
    this.#health = null;
    this.follow('rest');
    this.follow(mode);
  }

  #take(messages: Message[]): void {
    const last = messages.findLast((message) => message.event !== 'end');
    if (last) this.#from = Number(last.id) + 1;
    this.ear.say({ say: 'messages', messages });
  }

  #stream: Read = async (signal, alive) => {
    const take = (messages: Message[]) => {
      if (messages.some((message) => message.event === 'end')) this.isOver = true;
      this.#take(messages);
    };
    await listen(`/api/v1/sessions/${this.want.session}/events?follow=true&from=${this.#from}`, this.want.as, signal, alive, () => {}, take);
    if (!this.isOver) return 'broken';
    this.left();
    return 'over';
  };

  #poll: Read = async (signal, alive) => {
    const { session, as } = this.want;
    const path = `/api/v1/sessions/${session}`;
    // Asked before the events are read: what ended the session was stored with its state or before.
    const hasEnded = this.#quiet % LOOK === 1 && OVER.includes(((await (await ask(path, as, signal, 'application/json')).json()) as { state: string }).state);
    const response = await ask(`${path}/events?from=${this.#from}&limit=${PAGE}`, as, signal, 'application/json');
    const page = (await response.json()) as { items: { seq: number }[]; next_cursor?: string | null };
    if (signal.aborted) return 'broken';
    alive();
    this.#quiet = page.items.length ? 0 : this.#quiet + 1;
    if (page.items.length) this.#take(page.items.map((event) => ({ id: String(event.seq), event: 'event', data: JSON.stringify(event) })));
    if (page.next_cursor) {
      this.#from = Number(page.next_cursor);
      return 0;
    }
    if (!hasEnded) return EVERY;
    // As its stream would say.
    this.isOver = true;
    this.#take([{ id: '', event: 'end', data: JSON.stringify({ seq: this.#from - 1 }) }]);
    this.left();
    return 'over';
  };
}

export class Hub {
  #lists = new Map<string, Lists>();
  #changes = new Map<string, Changes>();
  #talks = new Set<Talk>();
  #isElected = false;

  /** `talks`: so many conversations have a stream. `alone`: the hub is that of one page, and gives back what it holds while the page is hidden. */
  constructor(private readonly limits: { talks: number; alone?: boolean }) {}

  connect(port: Pick<MessagePort, 'postMessage' | 'onmessage'>): void {
    const page = new Page(port);
    port.onmessage = ({ data }: MessageEvent) => this.#hear(page, data as Ask);
    port.postMessage({ say: 'hello' } satisfies Say);
  }

  /** This page is the one of those that stand alone that keeps its lists while it is hidden, so that somebody notices what waits. */
  elect(): void {
    this.#isElected = true;
    this.#arrange();
  }

  #hear(page: Page, asked: Ask): void {
    switch (asked.ask) {
      case 'open':
        page.open.set(asked.id, this.#open(new Ear(page, asked.id), asked.want));
        break;
      case 'shut':
        page.open.get(asked.id)?.();
        page.open.delete(asked.id);
        break;
      case 'retry':
        for (const one of [...this.#lists.values(), ...this.#changes.values(), ...this.#talks]) one.retry();
        return;
      case 'shown':
        clearTimeout(page.hiding);
        if (asked.shown) {
          page.isShown = true;
          page.shownAt = Date.now();
        } else {
          page.hiding = setTimeout(() => {
            page.isShown = false;
            this.#arrange();
          }, GRACE);
        }
        break;
      case 'lock':
        // It is given when the page is no more, however it ended.
        void navigator.locks.request(asked.lock, () => this.#leave(page));
        return;
      case 'bye':
        return this.#leave(page);
    }
    this.#arrange();
  }

  #leave(page: Page): void {
    clearTimeout(page.hiding);
    for (const shut of page.open.values()) shut();
    page.open.clear();
    this.#arrange();
  }

  /** Begins to tell a page; gives what ends it. */
  #open(ear: Ear, want: Want): () => void {
    if (want.what === 'events') {
      const talk = new Talk(ear, want, () => {
        this.#talks.delete(talk);
        this.#arrange();
      });
      this.#talks.add(talk);
      return () => {
        talk.follow('rest');
        this.#talks.delete(talk);
      };
    }
    if (want.what === 'lists') {
      const key = `${want.as} ${want.path}`;
      const lists = this.#lists.get(key) ?? new Lists(want.path, want.as);
      this.#lists.set(key, lists);
      lists.join(ear);
      return () => this.#left(this.#lists, key, lists, ear);
    }
    let changes = this.#changes.get(want.as);
    if (!changes?.ears.size) {
      changes?.rest();
      changes = new Changes(want.from, want.as);
      this.#changes.set(want.as, changes);
    }
    if (!changes.reaches(want.from)) {
      ear.say({ say: 'again' });
      return () => {};
    }
    changes.joinAt(ear, want.from);
    const joined = changes;
    return () => this.#left(this.#changes, want.as, joined, ear);
  }

  #left<S extends Source>(all: Map<string, S>, key: string, source: S, ear: Ear): void {
    source.ears.delete(ear);
    if (source.ears.size) return;
    source.rest();
    if (all.get(key) === source) all.delete(key);
  }

  /** Who has a stream: the conversations of the page that was come to last first; those of hidden pages rest. */
  #arrange(): void {
    const order = [...this.#talks].sort((a, b) => b.ear.page.shownAt - a.ear.page.shownAt);
    let streams = 0;
    for (const talk of order) {
      if (!talk.ear.page.isShown) talk.follow('rest');
      else talk.follow(streams++ < this.limits.talks ? 'stream' : 'poll');
    }
    if (!this.limits.alone) return;
    const isSeen = (source: Source) => [...source.ears].some((ear) => ear.page.isShown);
    for (const lists of this.#lists.values()) this.#let(lists, this.#isElected || isSeen(lists));
    for (const changes of this.#changes.values()) this.#let(changes, isSeen(changes));
  }

  #let(source: Source, goes: boolean): void {
    if (!goes) source.rest();
    else if (!source.health) source.go();
  }
}
