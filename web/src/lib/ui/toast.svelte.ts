// Short words about what just happened.
interface Toast {
  id: number;
  text: string;
}
class Toasts {
  items = $state<Toast[]>([]);
  #next = 1;
  say(text: string): void {
    const id = this.#next++;
    this.items = [...this.items.slice(-2), { id, text }];
    setTimeout(() => (this.items = this.items.filter((toast) => toast.id !== id)), 4_000);
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
