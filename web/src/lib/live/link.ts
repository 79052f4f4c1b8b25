// The way from this page to the hub: in the worker that all pages share, or in this page where there is no such worker.
import { Hub, type Ask, type Said, type Say, type Want } from './hub';

/** So long a worker may take until it answers for the first time. */
const PATIENCE = 5_000;
/** A hub that follows something says at least this often how that stands. */
const SILENCE = 75_000;

/** Held by this page as long as it lives: whoever else gets it knows that the page is gone. */
const LOCK = `mc-page-${Date.now()}-${Math.random()}`;

interface Followed {
  want: () => Want;
  hear: (said: Said) => void;
}

class Link {
  #port: MessagePort | null = null;
  #open = new Map<number, Followed>();
  #next = 0;
  #heard = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #isAlone = typeof SharedWorker === 'undefined';
  #isLocked = false;
  #isResting = false;

  /** Follows something; `want` is asked again when the hub is another one. Gives what ends it. */
  open(want: () => Want, hear: (said: Said) => void): () => void {
    if (!this.#port) this.#begin();
    this.#next += 1;
    const id = this.#next;
    this.#open.set(id, { want, hear });
    this.#say({ ask: 'open', id, want: want() });
    return () => {
      if (this.#open.delete(id)) this.#say({ ask: 'shut', id });
    };
  }

  /** Whoever waits tries again now. */
  retry(): void {
    this.#say({ ask: 'retry' });
  }

  /** Follows nothing until `resume`: with the cookie of now it would be told what somebody else may read. */
  rest(): void {
    this.#say({ ask: 'bye' });
    this.#isResting = true;
  }

  /** Everything that is open begins where its page stands. */
  resume(): void {
    this.#isResting = false;
    this.#heard = Date.now();
    this.#greet();
  }

  #say(asked: Ask): void {
    if (!this.#isResting) this.#port?.postMessage(asked);
  }

  /** Says to the hub which page this is, and all that it follows. */
  #greet(): void {
    if (this.#isLocked) this.#say({ ask: 'lock', lock: LOCK });
    this.#again();
  }

  #begin(): void {
    this.#connect();
    const shown = () => this.#say({ ask: 'shown', shown: !document.hidden });
    document.addEventListener('visibilitychange', shown);
    addEventListener('focus', shown);
    // A page that goes gives back what it holds; it may come back as it was.
    addEventListener('pagehide', () => this.#say({ ask: 'bye' }));
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#again();
    });
    setInterval(() => {
      // A hub of this page lives as long as the page; it may have nothing to say.
      if (this.#open.size && !this.#isAlone && !this.#isResting && Date.now() - this.#heard > SILENCE) this.#connect();
    }, 10_000);
    void navigator.locks?.request(LOCK, () => {
      this.#isLocked = true;
      this.#say({ ask: 'lock', lock: LOCK });
      return new Promise(() => {});
    });
  }

  #connect(): void {
    if (this.#port) {
      this.#say({ ask: 'bye' });
      this.#port.close();
    }
    this.#heard = Date.now();
    const port = this.#isAlone ? alone() : this.#shared();
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent) => {
      if (this.#port === port) this.#hear(data as Say);
    };
    this.#greet();
  }

  #shared(): MessagePort {
    const worker = new SharedWorker(new URL('./hub.worker.ts', import.meta.url), { type: 'module', name: 'mc-streams' });
    const { port } = worker;
    const without = () => {
      if (this.#port !== port) return;
      this.#isAlone = true;
      this.#connect();
    };
    worker.onerror = without;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(without, PATIENCE);
    return port;
  }

  #again(): void {
    this.#say({ ask: 'shown', shown: !document.hidden });
    for (const [id, { want }] of this.#open) this.#say({ ask: 'open', id, want: want() });
  }

  #hear(say: Say): void {
    this.#heard = Date.now();
    if (say.say === 'hello') clearTimeout(this.#patience);
    else if (!this.#isResting) this.#open.get(say.id)?.hear(say);
  }
}

/** A hub of this page. One of the pages that stand alone keeps its lists while it is hidden. */
function alone(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const hub = new Hub({ talks: 1, alone: true });
  hub.connect(port1);
  void navigator.locks?.request('mc-lists', () => {
    hub.elect();
    return new Promise(() => {});
  });
  return port2;
}

export const link = new Link();
