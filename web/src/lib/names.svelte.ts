// Names of people, agents and nodes by their ids. They are asked for many at once, when they are shown, and kept: a name
// never changes. Who may not be known stands there by the end of the id.
import { api, get } from '$lib/api/client';

const MOST = 100;
export type Named = { name: string; kind: string; session?: string | null };

class Names {
  #known = new Map<string, Named | null>();
  #wanted = new Set<string>();
  #stamp = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `undefined` while it is asked for, `null` when it may not be known. */
  find(id: string): Named | null | undefined {
    void this.#stamp;
    const held = this.#known.get(id);
    if (held === undefined && !this.#known.has(id) && id.startsWith('prn_')) {
      this.#wanted.add(id);
      this.#timer ??= setTimeout(() => void this.#ask(), 15);
    }
    return held;
  }

  of(id: string | null | undefined): string | null {
    return (id && this.find(id)?.name) || null;
  }

  /** What is known from elsewhere need not be asked for. */
  put(id: string, name: string, kind = 'user'): void {
    if (!this.#known.get(id)) this.#known.set(id, { name, kind });
  }

  forget(): void {
    this.#known.clear();
    this.#wanted.clear();
  }

  async #ask(): Promise<void> {
    this.#timer = undefined;
    const ids = [...this.#wanted].slice(0, MOST);
    for (const id of ids) this.#wanted.delete(id);
    try {
      const page = await get(api.GET('/api/v1/principal-names', { params: { query: { id: ids.join(',') } } }));
      for (const id of ids) this.#known.set(id, null);
      for (const held of page.items) this.#known.set(held.id, { name: held.name, kind: held.principal_kind, session: held.session_id });
      this.#stamp += 1;
    } catch {
      // Asked again when they are shown again.
    }
    if (this.#wanted.size) this.#timer ??= setTimeout(() => void this.#ask(), 15);
  }
}
export const names = new Names();

const IDS = /prn_[0-9A-Za-z-]{10,64}/g;
/** The ids of people in a text, each once. */
export const idsIn = (text: string): string[] => [...new Set(text.match(IDS) ?? [])].slice(0, 20);
