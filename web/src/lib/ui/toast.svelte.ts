// Short words about what just happened, and the way back where there is one.
interface Toast {
  id: number;
  text: string;
  undo?: () => void;
}
class Toasts {
  items = $state<Toast[]>([]);
  #next = 1;
  /** `undo`: offered as a button and under `z` while the words stand there, and longer than words alone. */
  say(text: string, undo?: () => void): void {
    const id = this.#next++;
    this.items = [...this.items.slice(-2), { id, text, undo }];
    setTimeout(() => this.#drop(id), undo ? 9_000 : 4_000);
  }
  /** Takes back the newest deed that can be. */
  undo(id = this.items.findLast((toast) => toast.undo)?.id): void {
    const found = this.items.find((toast) => toast.id === id);
    if (!found?.undo) return;
    this.#drop(found.id);
    found.undo();
  }
  #drop(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id);
  }
}
export const toasts = new Toasts();

/** Copies, also where the clipboard needs a page served over TLS. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr';
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toasts.say(`${what} copied`);
}
