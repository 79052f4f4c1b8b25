// Lists that stay current: a snapshot, then changes. A stream that breaks or falls silent is opened again; until then
// what is shown is marked as stale, and nothing is thrown away.
import { ProblemError, readProblem, type Problem } from '$lib/api/client';
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

export type StreamState = 'connecting' | 'live' | 'stale' | 'refused';

/** One connection that does not stay broken. */
export class Stream {
  state = $state<StreamState>('connecting');
  problem = $state<Problem | null>(null);
  /** When the last sign of life came. */
  last = $state(Date.now());
  /** When it tries again. */
  retryAt = $state<number | null>(null);
  #stop = new AbortController();
  #wake: (() => void) | null = null;
  #started = false;

  constructor(
    private readonly path: () => string,
    private readonly on: { open?: () => void; message: (message: Message) => void; ended?: () => boolean }
  ) {}

  start(): this {
    if (!this.#started) {
      this.#started = true;
      void this.#run();
    }
    return this;
  }

  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** Tries again now. */
  retry(): void {
    this.#wake?.();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#once(() => (failures = 0));
        if (this.on.ended?.()) return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof ProblemError) {
          this.problem = error.problem;
          // Waiting helps against overload and restarts; it does not against a refusal.
          if (error.problem.status < 500 && ![408, 410, 429].includes(error.problem.status)) {
            this.state = 'refused';
            return;
          }
        }
      }
      if (this.#stop.signal.aborted) return;
      this.state = 'stale';
      const wait = backOff(failures++);
      this.retryAt = Date.now() + wait;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.retryAt = null;
    }
  }

  async #once(opened: () => void): Promise<void> {
    const cut = new AbortController();
    const stop = () => cut.abort();
    this.#stop.signal.addEventListener('abort', stop);
    // The server says at least every 15 s that it lives.
    const silence = setInterval(() => {
      if (Date.now() - this.last > 40_000) cut.abort();
    }, 5_000);
    try {
      this.last = Date.now();
      const response = await fetch(this.path(), { signal: cut.signal, headers: { accept: 'text/event-stream' }, cache: 'no-store' });
      if (!response.ok || !response.body) throw new ProblemError(await readProblem(response));
      this.on.open?.();
      this.problem = null;
      const parser = new Parser();
      const reader = response.body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.last = Date.now();
        opened();
        this.state = 'live';
        for (const message of parser.feed(value)) this.on.message(message);
      }
    } finally {
      clearInterval(silence);
      this.#stop.signal.removeEventListener('abort', stop);
      cut.abort();
    }
  }
}

/** Feeds collections from `GET /api/v1/watch` or from one list; `path` is asked at each connection. */
export function watch(path: string, collections: Record<string, Collection<never>>): Stream {
  return new Stream(() => path, {
    open: () => Object.values(collections).forEach((list) => list.begin()),
    message: ({ event, data }) => {
      const body = JSON.parse(data) as { kind: string; id: string; version: number };
      const kinds = Object.keys(collections);
      const list = collections[body.kind ?? ''] ?? (kinds.length === 1 ? collections[kinds[0] as string] : undefined);
      if (!list) return;
      if (event === 'bookmark') list.end();
      else if (event === 'deleted') list.drop(body.id);
      else list.put(body as never);
    }
  });
}
