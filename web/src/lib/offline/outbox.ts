// Writes that are not lost: each stands in the browser's store, with its idempotency key, before it is sent, and is taken
// out when the server has answered. What was sent and lost its answer is sent again with the same key, so the server does
// it once. What the server refuses stays, with its words, until somebody decides.
//
// A server keeps keys for 24 hours. What could not be sent within 23 is not sent by itself any more: it might be done twice.
import { asProblem, problem, ProblemError, type Problem } from '$lib/api/client';
import type { Store } from './idb';

export interface Write {
  id: string;
  /** Sent as the idempotency key each time. */
  key: string;
  /** Who wrote it: nobody else sends it. */
  principal: string;
  /** What it is, for people. */
  label: string;
  method: 'post' | 'put' | 'patch';
  /** Of the API, with its parameters in braces. */
  path: string;
  params?: { path?: Record<string, string>; query?: Record<string, unknown> };
  body: unknown;
  headers?: Record<string, string>;
  /** Where the text can be worked on again, and what the form there holds then. */
  edit?: { href: string; draft?: string; value?: unknown };
  at: number;
  /** Since when it is sent; a lost answer is among these. */
  firstSent: number | null;
  attempts: number;
  state: 'waiting' | 'refused';
  problem: Problem | null;
}
export type Draft = Pick<Write, 'label' | 'method' | 'path' | 'params' | 'body' | 'headers' | 'edit'>;

export type Send = (write: Write) => Promise<unknown>;
/** What became of a write: answered now, or kept until the server answers. */
export type Sent<T> = { state: 'sent'; answer: T } | { state: 'kept' };

const KEYS_LAST = 23 * 3600 * 1000;

/** Whether sending it later may help: no answer, overload, a restart, or nobody logged in. */
export function isPassing(found: Problem): boolean {
  return found.status === 0 || found.type.endsWith(':idempotency-in-flight') || found.status === 401 || found.status === 408 || found.status === 429 || (found.status >= 502 && found.status <= 504);
}

export class Outbox {
  items: Write[] = [];
  onChange: () => void = () => {};
  #principal: string | null = null;
  #busy: Promise<void> | null = null;
  #sending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(
    private readonly store: Store<Write>,
    private readonly send: Send,
    /** Runs an act in one page of this browser at a time. */
    private readonly alone: (act: () => Promise<void>) => Promise<void> = (act) => act(),
    private readonly now: () => number = Date.now,
    private readonly newKey: () => string = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`
  ) {}

  /** Whose writes these are. */
  async begin(principal: string | null): Promise<void> {
    this.#principal = principal;
    await this.read();
    void this.replay();
  }

  async read(): Promise<void> {
    const all = await this.store.all().catch(() => []);
    this.items = all.filter((write) => write.principal === this.#principal && !this.#sending.has(write.id)).sort((a, b) => a.at - b.at);
    this.onChange();
  }

  /**
   * Sends a write. A refusal is thrown, and nothing is kept: whoever typed still has the text before them. When the server
   * does not answer, or asks to come back later, it is kept.
   */
  async submit<T>(draft: Draft): Promise<Sent<T>> {
    // As it will be sent: what a page holds may be more than plain values.
    const plain = JSON.parse(JSON.stringify(draft)) as Draft;
    const write: Write = { ...plain, id: this.newKey(), key: this.newKey(), principal: this.#principal ?? '', at: this.now(), firstSent: this.now(), attempts: 1, state: 'waiting', problem: null };
    // What cannot be kept is sent all the same.
    await this.store.put(write).catch(() => {});
    this.#sending.add(write.id);
    try {
      const answer = (await this.send(write)) as T;
      await this.store.remove(write.id).catch(() => {});
      return { state: 'sent', answer };
    } catch (error) {
      const found = asProblem(error);
      if (!isPassing(found)) {
        await this.store.remove(write.id).catch(() => {});
        throw error instanceof ProblemError ? error : new ProblemError(found);
      }
      // Where it cannot be kept either, the text is still before whoever typed.
      await this.store.put({ ...write, problem: found }).catch(() => { throw new ProblemError(found); });
      return { state: 'kept' };
    } finally {
      this.#sending.delete(write.id);
      await this.read();
      if (this.waiting.length) this.#later();
    }
  }

  get waiting(): Write[] {
    return this.items.filter((write) => write.state === 'waiting');
  }

  /** Sends what waits, oldest first; stops at the first that gets no answer. */
  replay(): Promise<void> {
    this.#busy ??= this.alone(() => this.#replay()).finally(() => (this.#busy = null));
    return this.#busy;
  }

  async #replay(): Promise<void> {
    clearTimeout(this.#timer);
    await this.read();
    for (const write of this.waiting) {
      if (write.firstSent !== null && this.now() - write.firstSent > KEYS_LAST) {
        await this.#keep({ ...write, state: 'refused', problem: problem(0, 'Waited too long', 'It may have been done already, more than 23 hours ago. Look, and send it again if it was not.') });
        continue;
      }
      const sent = { ...write, firstSent: write.firstSent ?? this.now(), attempts: write.attempts + 1 };
      await this.store.put(sent).catch(() => {});
      try {
        await this.send(sent);
        await this.store.remove(write.id);
        this.#failures = 0;
      } catch (error) {
        const found = asProblem(error);
        const passing = isPassing(found) || found.status >= 500;
        await this.#keep({ ...sent, state: passing ? 'waiting' : 'refused', problem: found });
        if (passing) {
          this.#failures += 1;
          break;
        }
      }
      await this.read();
    }
    await this.read();
    if (this.waiting.length) this.#later();
  }

  async #keep(write: Write): Promise<void> {
    await this.store.put(write).catch(() => {});
    await this.read();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.replay(), Math.min(30_000, 1_000 * 2 ** Math.min(this.#failures, 5)));
  }

  /** Sends a refused one again, as a new write: what it was refused for is over. */
  async again(id: string): Promise<void> {
    const write = this.items.find((held) => held.id === id);
    if (!write) return;
    await this.#keep({ ...write, key: this.newKey(), firstSent: null, state: 'waiting', problem: null });
    await this.replay();
  }

  async discard(id: string): Promise<void> {
    if (this.#sending.has(id)) return;
    await this.store.remove(id);
    await this.read();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#principal = null;
    this.items = [];
    this.onChange();
  }
}
