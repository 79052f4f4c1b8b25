// The events of one session: the newest first on the page, older ones when asked for, new ones as they come.
import { api, asProblem, get, type Problem, type SessionEvent } from '$lib/api/client';
import { Stream } from '$lib/live/watch.svelte';
import { Conversation, type Item } from './reduce';

/** How many events are read at first, and each time older ones are asked for. */
const STEP = 400;

export class Follow {
  items = $state.raw<Item[]>([]);
  from = $state(0);
  problem = $state<Problem | null>(null);
  ended = $state(false);
  opened = $state(false);
  talk = new Conversation();
  stream: Stream;
  #events: SessionEvent[] = [];
  #paint = 0;

  constructor(private readonly id: string, lastSeq: number) {
    this.from = Math.max(0, lastSeq - STEP);
    this.stream = new Stream(() => `/api/v1/sessions/${this.id}/events?follow=true&from=${Math.max(this.talk.seq + 1, this.from)}`, {
      open: () => (this.opened = true),
      message: ({ event, data }) => {
        if (event === 'end') {
          this.ended = true;
          return;
        }
        const found = JSON.parse(data) as SessionEvent;
        this.#events.push(found);
        if (this.talk.take(found)) this.#draw();
      },
      ended: () => this.ended
    }).start();
  }

  /** Reads what came before what is shown, and folds all of it anew. */
  async older(): Promise<void> {
    const to = this.from;
    const from = Math.max(0, to - STEP);
    try {
      const read: SessionEvent[] = [];
      for (let at = from; at < to; ) {
        const page = await get(api.GET('/api/v1/sessions/{ref}/events', { params: { path: { ref: this.id }, query: { from: at, limit: Math.min(500, to - at) } } }));
        const fresh = page.items.filter((event) => event.seq < to);
        read.push(...fresh);
        const last = page.items.at(-1);
        if (!last || last.seq >= to || !page.next_cursor) break;
        at = last.seq + 1;
      }
      this.#events = [...read, ...this.#events];
      const again = new Conversation();
      for (const event of this.#events) again.take(event);
      this.talk = again;
      this.from = from;
      this.problem = null;
      this.#draw();
    } catch (error) {
      this.problem = asProblem(error);
    }
  }

  // Words may come a hundred times a second; the page is drawn once a frame.
  #draw(): void {
    if (this.#paint) return;
    this.#paint = requestAnimationFrame(() => {
      this.#paint = 0;
      // A new object for what changed, so that only that is drawn again.
      const held = new Map(this.items.map((item) => [item.seq, item]));
      this.items = this.talk.items.map((item) => {
        const before = held.get(item.seq);
        return before && before.rev === item.rev && before.type === item.type ? before : { ...item };
      });
    });
  }

  stop(): void {
    this.stream.stop();
    cancelAnimationFrame(this.#paint);
  }
}
