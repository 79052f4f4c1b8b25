// Keys: single letters act where nobody types; `g` waits for a second letter.
export interface Shortcut {
  keys: string;
  title: string;
  run: () => void;
}

class Keys {
  /** Of the screen that is shown. */
  local = $state.raw<readonly Shortcut[]>([]);
  global: Shortcut[] = [];
  // Beside what is shown: while an effect is taken down, reactive values read as they were before.
  #held: readonly Shortcut[] = [];
  #prefix = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Called in an effect by a screen; takes its keys away with it. */
  use(list: Shortcut[]): () => void {
    this.#held = [...this.#held, ...list];
    this.local = this.#held;
    return () => {
      this.#held = this.#held.filter((held) => !list.includes(held));
      this.local = this.#held;
    };
  }

  handle(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return this.#run('mod+k', event);
    if (event.ctrlKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    // Out of a field, to where single letters act again; a dialog is closed by it instead.
    if (event.key === 'Escape' && target.matches('input, textarea') && !target.closest('[role="dialog"]')) return document.getElementById('main')?.focus();
    if (target.closest('input, textarea, select, [contenteditable], [role="menu"], [role="dialog"]')) return;
    const key = event.key.length === 1 ? event.key : event.key.toLowerCase();
    // A key that is held walks; it must not also answer what it has just raised.
    if (event.repeat && key !== 'j' && key !== 'k') return;
    const prefix = this.#prefix;
    this.#prefix = '';
    clearTimeout(this.#timer);
    if (prefix) return this.#run(`${prefix} ${key}`, event);
    if (key === 'g') {
      this.#prefix = 'g';
      this.#timer = setTimeout(() => (this.#prefix = ''), 1_200);
      return;
    }
    this.#run(key, event);
  }

  #run(keys: string, event: KeyboardEvent): void {
    const found = [...this.#held].reverse().find((shortcut) => shortcut.keys === keys) ?? this.global.find((shortcut) => shortcut.keys === keys);
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}
export const keys = new Keys();

/** `j` and `k` walk over the links that are marked as rows of the screen. */
export function walk(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')].filter((row) => row.offsetParent !== null);
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
