// One clock for all relative times.
class Clock {
  now = $state(Date.now());
  constructor() {
    if (typeof window !== 'undefined') setInterval(() => (this.now = Date.now()), 5_000);
  }
}
export const clock = new Clock();
