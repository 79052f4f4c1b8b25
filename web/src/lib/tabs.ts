// The tabs of a browser share one login session: what one of them does about it, it tells the others.
export type Told = { /** Who has logged in. */ in: string } | { out: true };

let channel: BroadcastChannel | null = null;
const open = (): BroadcastChannel => (channel ??= new BroadcastChannel('mc-login'));

/** Tells the other tabs. */
export const tell = (said: Told): void => open().postMessage(said);

/** Hears what other tabs tell, until the answer is called. */
export function hear(act: (said: Told) => void): () => void {
  const held = open();
  held.onmessage = ({ data }: MessageEvent<Told>) => act(data);
  return () => (held.onmessage = null);
}
