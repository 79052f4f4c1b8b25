import { describe, expect, it } from 'vitest';
import { Parser, backOff } from './sse';

describe('server-sent events', () => {
  const whole = 'id: 7\nevent: added\ndata: {"a":\ndata: 1}\n\n: alive\n\nevent:bookmark\r\ndata:x\r\n\r\n';
  it('are the same however the stream is cut', () => {
    const once = new Parser().feed(whole);
    expect(once).toEqual([{ id: '7', event: 'added', data: '{"a":\n1}' }, { id: '7', event: 'bookmark', data: 'x' }]);
    for (let size = 1; size < whole.length; size += 1) {
      const parser = new Parser();
      const found = [];
      for (let at = 0; at < whole.length; at += size) found.push(...parser.feed(whole.slice(at, at + size)));
      expect(found).toEqual(once);
    }
  });
  it('come again after waits that grow and stay bounded', () => {
    const waits = Array.from({ length: 20 }, (_, failures) => backOff(failures, 1));
    expect(waits[0]).toBe(400);
    expect(Math.max(...waits)).toBe(15_000);
    expect(backOff(0, 0)).toBe(200);
  });
});
