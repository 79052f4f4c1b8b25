// Installing the UI as an app: offered where the browser says that it can be.
interface Offer extends Event {
  prompt: () => Promise<unknown>;
}

class Install {
  #offer = $state.raw<Offer | null>(null);
  /** It runs as an app already. */
  installed = $state(typeof matchMedia !== 'undefined' && matchMedia('(display-mode: standalone)').matches);

  get offered(): boolean {
    return this.#offer !== null;
  }

  /** Called once, before anything is shown: the browser says it one time. */
  listen(): () => void {
    const take = (event: Event) => {
      // Asked for on a click, not by a bar of the browser over what is read.
      event.preventDefault();
      this.#offer = event as Offer;
    };
    const done = () => {
      this.installed = true;
      this.#offer = null;
    };
    addEventListener('beforeinstallprompt', take);
    addEventListener('appinstalled', done);
    return () => {
      removeEventListener('beforeinstallprompt', take);
      removeEventListener('appinstalled', done);
    };
  }

  async ask(): Promise<void> {
    const offer = this.#offer;
    // One offer is good for one question.
    this.#offer = null;
    await offer?.prompt();
  }
}
export const install = new Install();
