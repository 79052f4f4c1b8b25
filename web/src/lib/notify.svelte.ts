// Says when a decision begins to wait while nobody looks: in the title and on the icon always, as a notification when it was
// allowed. It is asked for on a click only. The words say that something waits and in which mission, not what.
import type { Approval } from '$lib/api/client';

type Permission = 'default' | 'granted' | 'denied' | 'none';

class Notify {
  permission = $state<Permission>(typeof Notification === 'undefined' ? 'none' : Notification.permission);
  wanted = $state(false);
  #seen: Set<string> | null = null;

  constructor() {
    try {
      this.wanted = localStorage.getItem('mc.notify') === 'on';
    } catch {
      // Asked again next time.
    }
  }

  get on(): boolean {
    return this.wanted && this.permission === 'granted';
  }

  async set(on: boolean): Promise<void> {
    if (on && this.permission === 'default') this.permission = await Notification.requestPermission();
    this.wanted = on && this.permission === 'granted';
    try {
      localStorage.setItem('mc.notify', this.wanted ? 'on' : 'off');
    } catch {
      // It lasts as long as the page then.
    }
  }

  /** What waits now. The first time it is only remembered. */
  take(waiting: readonly Approval[]): void {
    const badge = navigator as Navigator & { setAppBadge?: (count: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
    if (waiting.length) badge.setAppBadge?.(waiting.length).catch(() => {});
    else badge.clearAppBadge?.().catch(() => {});
    const seen = this.#seen;
    this.#seen = new Set(waiting.map((approval) => approval.id));
    if (!seen || !this.on || !document.hidden) return;
    const fresh = waiting.filter((approval) => !seen.has(approval.id));
    const first = fresh[0];
    if (!first) return;
    void this.#show(fresh.length === 1 ? 'A decision waits for you' : `${fresh.length} decisions wait for you`, `In ${[...new Set(fresh.map((approval) => approval.mission))].join(', ')}, until ${new Date(first.expires_at).toLocaleString()}`, `/ui/approvals?at=${first.id}`);
  }

  async #show(title: string, body: string, path: string): Promise<void> {
    const options = { body, tag: 'mc-waiting', icon: '/ui/icon-192.png', data: { path } };
    const worker = await navigator.serviceWorker?.getRegistration('/ui/').catch(() => undefined);
    if (worker) return worker.showNotification(title, options);
    const shown = new Notification(title, options);
    shown.onclick = () => {
      window.focus();
      location.assign(path);
    };
  }
}
export const notify = new Notify();
