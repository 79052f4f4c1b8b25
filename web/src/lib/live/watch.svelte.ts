// Lists that stay current: a snapshot, then changes. A stream that breaks or falls silent is opened again; until then
// what is shown is marked as stale, and nothing is thrown away.
import { ProblemError, asProblem, problemIn, readProblem, type Problem, type Task } from '$lib/api/client';
import { forWhom } from '$lib/api/whom';
import type { Said, StreamState, Want } from './hub';
import { link } from './link';
import { Parser, backOff, type Message } from './sse';

export interface Live {
  id: string;
  version: number;
}

/** Objects of one kind by id. Drops versions that are older than what it holds. */
export class Collection<T extends Live> {
  #objects = new Map<string, T>();
  #fresh: Set<string> | null = null;
  #stamp = $state(0);
  /** Whether a whole snapshot was seen. */
  ready = $state(false);
  /** So many older ones the snapshot left out. */
  leftOut = $state(0);
  items: T[] = $derived.by(() => {
    void this.#stamp;
    return [...this.#objects.values()];
  });

  get(id: string): T | undefined {
    void this.#stamp;
    return this.#objects.get(id);
  }

  get size(): number {
    void this.#stamp;
    return this.#objects.size;
  }

  /** A snapshot begins: what it does not name is gone. */
  begin(): void {
    this.#fresh = new Set();
  }

  put(object: T): void {
    this.#fresh?.add(object.id);
    const held = this.#objects.get(object.id);
    if (held && held.version > object.version) return;
    this.#objects.set(object.id, object);
    this.#touch();
  }

  drop(id: string): void {
    if (this.#objects.delete(id)) this.#touch();
  }

  /** The snapshot is whole. */
  end(): void {
    if (this.#fresh) for (const id of [...this.#objects.keys()]) if (!this.#fresh.has(id)) this.#objects.delete(id);
    this.#fresh = null;
    this.ready = true;
    this.#touch();
  }

  #pending = false;
  // One paint for many changes: a snapshot of thousands must not render thousands of times.
  #touch(): void {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      this.#stamp += 1;
    });
  }
}

interface Follows {
  readonly state: StreamState;
  readonly last: number;
}

/** All that this page follows. */
class Streams {
  #open = new Set<Follows>();
  #stamp = $state(0);
  /** The stream without which nothing here is current. */
  main = $state<Stream | null>(null);
  /** How often it came back, or began anew. */
  returns = $state(0);
  /** Nobody is logged in here. */
  resting = false;

  add(one: Follows): void {
    this.#open.add(one);
    this.#touch();
  }

  drop(one: Follows): void {
    if (this.#open.delete(one)) this.#touch();
  }

  // What is opened and closed while something is drawn must not draw that again.
  #touch(): void {
    queueMicrotask(() => (this.#stamp += 1));
  }

  get #stale(): Follows[] {
    void this.#stamp;
    return [...this.#open].filter((one) => one.state === 'stale');
  }

  /** The worst of them; what is refused to one alone is said where it would stand. */
  get state(): StreamState {
    return this.#stale.length ? 'stale' : (this.main?.state ?? 'connecting');
  }

  /** Since when not all of it is current. */
  get last(): number {
    return Math.min(...[...this.#stale, ...(this.main ? [this.main] : [])].map((one) => one.last));
  }

  /** The login session has ended: nothing is followed until `resume`. */
  rest(): void {
    this.resting = true;
    link.rest();
  }

  /** The same person has logged in again: everything goes on, also what was refused. */
  resume(): void {
    this.resting = false;
    for (const one of this.#open) if (one instanceof Stream) one.anew();
    link.resume();
    this.retry();
    this.returns += 1;
  }

  /** Other things are to be read than before: lists of tasks begin anew, and what was read once is read again. */
  anew(): void {
    for (const one of [...this.#open]) if (one instanceof Tasks) one.anew();
    this.returns += 1;
  }

  /** Whoever waits tries again now. */
  retry(): void {
    link.retry();
    for (const one of this.#open) if (one instanceof Tasks) one.retry();
  }
}
export const streams = new Streams();

/** Something that is followed from here; the connection is the hub's. */
export class Stream {
  state = $state<StreamState>('connecting');
  problem = $state<Problem | null>(null);
  /** When the last sign of life came. */
  last = $state(Date.now());
  #close: (() => void) | null = null;

  constructor(
    private readonly want: () => Want,
    private readonly on: { begin?: (except: string[]) => void; message: (message: Message) => void; again?: () => void }
  ) {}

  start(): this {
    if (this.#close) return this;
    streams.add(this);
    this.#close = link.open(this.want, (said) => this.#hear(said));
    return this;
  }

  stop(): void {
    this.#close?.();
    this.#close = null;
    streams.drop(this);
  }

  retry(): void {
    streams.retry();
  }

  /** What was refused is forgotten. */
  anew(): void {
    if (this.state === 'refused') this.state = 'connecting';
    this.problem = null;
  }

  #hear(said: Said): void {
    if (said.say === 'begin') this.on.begin?.(said.except);
    else if (said.say === 'again') this.on.again?.();
    else if (said.say === 'messages') said.messages.forEach((message) => this.on.message(message));
    else {
      const { state, last, refusal } = said.health;
      if (state === 'live' && this.state === 'stale' && streams.main === this) streams.returns += 1;
      this.state = state;
      if (last !== null) this.last = last;
      this.problem = refusal && problemIn(refusal.text, refusal.status, refusal.requestId);
    }
  }
}

/** Feeds collections from `GET /api/v1/watch`; `as` is who asks. */
export function watch(path: string, as: string, collections: Record<string, Collection<never>>): Stream {
  return new Stream(() => ({ what: 'lists', as, path }), {
    begin: (except) => Object.entries(collections).forEach(([kind, list]) => { if (!except.includes(kind)) list.begin(); }),
    message: ({ event, data }) => {
      const body = JSON.parse(data) as { kind: string; id: string; version: number; left_out?: number };
      const list = collections[body.kind];
      if (!list) return;
      if (event === 'bookmark') {
        list.leftOut = body.left_out ?? 0;
        list.end();
      } else if (event === 'deleted') list.drop(body.id);
      else list.put(body as never);
    }
  });
}

/** So long the snapshot of a list may take. */
const PATIENCE = 60_000;

/** Some of the tasks: what a request finds, then those of the changes of all tasks that fit. */
export class Tasks {
  list = new Collection<Task>();
  /** Why they may not be read. */
  problem = $state<Problem | null>(null);
  state = $state<StreamState>('connecting');
  last = $state(Date.now());
  /** The position of the ledger that the list stands at. */
  #seq = 0;
  #stream: Stream | null = null;
  #stop = new AbortController();
  /** Ends what is begun when it is begun again. */
  #turn = new AbortController();
  #wake = () => {};

  /** `query` and `fits` say the same; `told` hears of each task, and of those that are gone. */
  constructor(
    private readonly as: () => string,
    private readonly query: Record<string, string>,
    private readonly fits: (task: Task) => boolean,
    private readonly told: (task: Task | null) => void = () => {}
  ) {}

  start(): this {
    streams.add(this);
    void this.#begin();
    return this;
  }

  stop(): void {
    this.#stop.abort();
    this.#wake();
    this.#stream?.stop();
    streams.drop(this);
  }

  retry(): void {
    if (this.problem) {
      this.problem = null;
      void this.#begin();
    } else this.#wake();
  }

  /** Begins with the snapshot again. */
  anew(): void {
    this.problem = null;
    void this.#begin();
  }

  async #begin(): Promise<void> {
    this.#stream?.stop();
    this.#turn.abort();
    this.#turn = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, this.#turn.signal]);
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.#read(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
        if (signal.aborted) return;
        this.state = 'live';
        this.last = Date.now();
        this.#stream = new Stream(() => ({ what: 'tasks', as: this.as(), from: this.#seq }), { message: (message) => this.#take(message), again: () => void this.#begin() }).start();
        return;
      } catch (error) {
        if (signal.aborted) return;
        const problem = asProblem(error);
        if (problem.status !== 0 && problem.status < 500 && ![408, 429].includes(problem.status)) {
          this.problem = problem;
          this.state = 'refused';
          return;
        }
        this.state = 'stale';
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, backOff(failures));
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  /** Reads the snapshot that a watch of the list begins with. */
  async #read(signal: AbortSignal): Promise<void> {
    if (streams.resting) throw new TypeError('nobody is logged in');
    const cut = new AbortController();
    try {
      const response = await fetch(`/api/v1/tasks?${new URLSearchParams({ watch: 'true', ...this.query })}`, { signal: AbortSignal.any([signal, cut.signal]), headers: { accept: 'text/event-stream', ...forWhom(this.as()) }, cache: 'no-store' });
      if (!response.ok || !response.body) throw new ProblemError(await readProblem(response));
      this.list.begin();
      const parser = new Parser();
      const reader = response.body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new TypeError('the snapshot broke off');
        for (const message of parser.feed(value)) {
          if (message.event !== 'bookmark') {
            this.#put(JSON.parse(message.data) as Task);
            continue;
          }
          this.#seq = Number(message.id);
          this.list.end();
          return;
        }
      }
    } finally {
      cut.abort();
    }
  }

  #put(task: Task): void {
    this.list.put(task);
    this.told(task);
  }

  #take({ id, event, data }: Message): void {
    this.#seq = Math.max(this.#seq, Number(id));
    if (event !== 'added' && event !== 'modified' && event !== 'deleted') return;
    const task = JSON.parse(data) as Task;
    const held = this.list.get(task.id);
    if (event !== 'deleted' && this.fits(task)) return this.#put(task);
    // One that is left, unless this is older than what is known of it.
    if (!held || (event !== 'deleted' && held.version > task.version)) return;
    this.list.drop(task.id);
    this.told(null);
  }
}
