// Something read once, again on demand, and again by itself when what it depends on changes.
import { untrack } from 'svelte';
import { asProblem, timesBack, whenBack, type Problem } from '$lib/api/client';
import { streams } from '$lib/live/watch.svelte';

export class Load<T> {
  data = $state<T | null>(null);
  problem = $state<Problem | null>(null);
  busy = $state(false);
  /** When it was read. */
  at: number | null = null;
  #turn = 0;

  constructor(private readonly read: () => Promise<T>) {}

  run = (): Promise<void> => this.#run(false);

  /** Reads again what is there. It stays when the server does not answer: that is said for the whole page. */
  renew = (): Promise<void> => this.#run(true);

  async #run(again: boolean): Promise<void> {
    const [turn, asked] = [++this.#turn, timesBack()];
    this.busy = true;
    try {
      const found = await this.read();
      if (turn !== this.#turn) return;
      this.data = found;
      this.at = Date.now();
      this.problem = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      const problem = asProblem(error);
      // Without a login session what is shown stays, with all that is typed there, and is read again after logging in.
      if (problem.status === 401 && asked !== timesBack()) void this.run();
      else if (problem.status === 401) whenBack(this.run);
      else if (!(again && (problem.status === 0 || problem.status >= 500))) this.problem = problem;
    } finally {
      if (turn === this.#turn) this.busy = false;
    }
  }
}

/** What was read less long ago is current enough. */
const FRESH = 3_000;

/** Reads again what is there when the page is shown again, and when the server is back. Called while a component is made. */
export function keepFresh(...loads: Pick<Load<unknown>, 'at' | 'renew'>[]): void {
  const again = () => {
    for (const load of loads) if (load.at !== null && Date.now() - load.at > FRESH) void load.renew();
  };
  $effect(() => {
    const shown = () => { if (!document.hidden) again(); };
    document.addEventListener('visibilitychange', shown);
    return () => document.removeEventListener('visibilitychange', shown);
  });
  $effect(() => {
    if (streams.returns > 0) untrack(again);
  });
}

/** A change that is asked for: whether it runs, and why it was refused. */
export class Act {
  busy = $state(false);
  problem = $state<Problem | null>(null);

  async run(deed: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = null;
    try {
      await deed();
      return true;
    } catch (error) {
      this.problem = asProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
