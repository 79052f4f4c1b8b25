// Server-sent events over fetch: unlike EventSource it shows problem documents, sends headers and can be watched for silence.

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** Cuts a stream of text into messages; give it chunks as they come. */
export class Parser {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  feed(chunk: string): Message[] {
    const messages: Message[] = [];
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (this.#data.length > 0) messages.push({ id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'id') this.#id = value;
      else if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
    }
    return messages;
  }
}

/** Milliseconds to wait after a number of failures in a row: doubling, capped, spread so that clients do not come back together. */
export function backOff(failures: number, random = Math.random()): number {
  return Math.min(15_000, 400 * 2 ** Math.min(failures, 6)) * (0.5 + random / 2);
}
