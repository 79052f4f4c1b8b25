// Something read once, again on demand, and again by itself when what it depends on changes.
import { asProblem, type Problem } from '$lib/api/client';

export class Load<T> {
  data = $state<T | null>(null);
  problem = $state<Problem | null>(null);
  busy = $state(false);
  #turn = 0;

  constructor(private readonly read: () => Promise<T>) {}

  run = async (): Promise<void> => {
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const found = await this.read();
      if (turn !== this.#turn) return;
      this.data = found;
      this.problem = null;
    } catch (error) {
      if (turn === this.#turn) this.problem = asProblem(error);
    } finally {
      if (turn === this.#turn) this.busy = false;
    }
  };
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
