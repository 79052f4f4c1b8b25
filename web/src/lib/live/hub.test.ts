// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Hub, type Ask, type Say, type Want } from './hub';

/** A server whose streams the test writes. */
class Server {
  open: { path: string; say: (text: string) => void; end: () => void }[] = [];
  asked: string[] = [];
  /** Whom it was asked for. */
  whom = new Set<string | undefined>();
  pages: Record<string, unknown> = {};
  refuse: ((path: string) => number | undefined) | null = null;
  paths = () => this.open.map((one) => one.path);
  of = (part: string) => {
    const found = this.open.findLast((one) => one.path.includes(part));
    if (!found) throw new Error(`no stream of ${part} in ${this.paths().join()}`);
    return found;
  };
  fetch = (path: string, { signal, headers }: RequestInit): Promise<Response> => {
    this.asked.push(path);
    this.whom.add((headers as Record<string, string>)['x-mc-principal']);
    const status = this.refuse?.(path);
    if (status) return Promise.resolve(new Response('{}', { status }));
    if ((headers as Record<string, string>).accept === 'application/json') return Promise.resolve(Response.json(this.pages[path] ?? { items: [], next_cursor: null }));
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const one = { path, say: (text: string) => controller.enqueue(encoder.encode(text)), end: () => { this.open = this.open.filter((other) => other !== one); controller.close(); } };
        this.open.push(one);
        signal?.addEventListener('abort', () => {
          if (!this.open.includes(one)) return;
          this.open = this.open.filter((other) => other !== one);
          controller.error(new DOMException('aborted', 'AbortError'));
        });
      }
    });
    return Promise.resolve(new Response(body));
  };
}

class Tab {
  heard: Say[] = [];
  onmessage: ((event: MessageEvent) => void) | null = null;
  #next = 0;
  constructor(hub: Hub) {
    hub.connect(this as unknown as MessagePort);
  }
  postMessage(say: Say): void {
    this.heard.push(structuredClone(say));
  }
  ask(asked: Ask): void {
    this.onmessage?.({ data: structuredClone(asked) } as MessageEvent);
  }
  open(want: Want): number {
    this.#next += 1;
    this.ask({ ask: 'open', id: this.#next, want });
    return this.#next;
  }
  ids(id: number): string[] {
    return this.heard.flatMap((say) => (say.say === 'messages' && say.id === id ? say.messages.map((message) => message.id) : []));
  }
  state(id: number): string | undefined {
    const last = this.heard.findLast((say) => say.say === 'health' && say.id === id);
    return last?.say === 'health' ? last.health.state : undefined;
  }
}

const message = (id: number, event: string, data: unknown) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const object = (kind: string, id: string, version = 1) => ({ kind, id, version });
const lists: Want = { what: 'lists', as: 'ann', path: '/api/v1/watch?lists=missions' };
const tasks = (from: number): Want => ({ what: 'tasks', as: 'ann', from });
const events = (session: string, from = 1): Want => ({ what: 'events', as: 'ann', session, from });
const settle = () => vi.advanceTimersByTimeAsync(20);

let server: Server;
beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal('fetch', server.fetch);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the hub of a browser', () => {
  it('asks once for the lists of all pages, and tells one that comes later what they hold', async () => {
    const hub = new Hub({ talks: 2 });
    const [first, second] = [new Tab(hub), new Tab(hub)];
    const one = first.open(lists);
    await settle();
    server.of('lists').say(message(4, 'added', object('mission', 'a')) + message(4, 'added', object('mission', 'b')) + message(4, 'bookmark', { kind: 'mission', seq: 4 }));
    await settle();
    server.of('lists').say(message(5, 'modified', object('mission', 'a', 2)) + message(6, 'deleted', { kind: 'mission', id: 'b' }));
    await settle();
    const two = second.open(lists);
    await settle();
    expect(server.paths()).toHaveLength(1);
    expect(first.ids(one)).toEqual(['4', '4', '4', '5', '6']);
    expect(second.heard.filter((say) => 'id' in say && say.id === two).map((say) => say.say)).toEqual(['begin', 'messages', 'health']);
    expect(second.ids(two)).toEqual(['5', '4']);
    // What another principal is told is asked for anew.
    new Tab(hub).open({ ...lists, as: 'eve' } as Want);
    await settle();
    expect(server.paths()).toHaveLength(2);
    first.ask({ ask: 'bye' });
    second.ask({ ask: 'shut', id: two });
    await settle();
    expect(server.paths()).toHaveLength(1);
  });

  it('goes on with each list where that stands, and with those from their snapshot that have no position', async () => {
    const hub = new Hub({ talks: 2 });
    const [first, second] = [new Tab(hub), new Tab(hub)];
    const path = '/api/v1/watch?lists=missions,klusters,sessions';
    const one = first.open({ what: 'lists', as: 'ann', path });
    await settle();
    const marks = (kinds: string[]) => kinds.map((kind) => message(4, 'bookmark', { kind, seq: 4 })).join('');
    server.of('lists').say(message(4, 'added', object('mission', 'a')) + message(4, 'added', object('session', 's')) + marks(['mission', 'session']) + message(9, 'modified', object('mission', 'a', 2)) + message(4, 'added', object('kluster', 'k')));
    await settle();
    server.of('lists').end();
    await vi.advanceTimersByTimeAsync(1_000);
    // The snapshot of klusters was not whole.
    expect(server.paths()).toEqual([`${path}&from=missions:9`]);
    expect(first.heard.filter((say) => say.say === 'begin')).toEqual([{ say: 'begin', except: [], id: one }, { say: 'begin', except: ['mission'], id: one }]);
    server.of('lists').say(marks(['kluster', 'session']));
    await settle();
    const two = second.open({ what: 'lists', as: 'ann', path });
    expect(second.heard.flatMap((say) => (say.say === 'messages' && say.id === two ? say.messages.map(({ event, data }) => `${event} ${(JSON.parse(data) as { kind: string }).kind}`) : []))).toEqual(['modified mission', 'bookmark mission', 'bookmark kluster', 'bookmark session']);
    server.refuse = (asked) => (asked.includes('from=') ? 410 : undefined);
    server.of('lists').end();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(server.paths()).toEqual([path]);
  });

  it('goes on after the last change of tasks, and says when a page stands too far back', async () => {
    const hub = new Hub({ talks: 2 });
    const [first, second] = [new Tab(hub), new Tab(hub)];
    const one = first.open(tasks(7));
    await settle();
    expect(server.paths()).toEqual(['/api/v1/tasks?watch=true&from=7']);
    server.of('tasks').say(message(9, 'added', object('task', 'a')) + message(11, 'added', object('task', 'b')));
    await settle();
    const two = second.open(tasks(9));
    const far = second.open(tasks(6));
    expect([second.ids(two), second.ids(far)]).toEqual([['11'], []]);
    expect(second.heard.filter((say) => say.say === 'again')).toEqual([{ say: 'again', id: far }]);
    server.of('tasks').end();
    await settle();
    expect(first.state(one)).toBe('stale');
    first.ask({ ask: 'retry' });
    await settle();
    expect(server.paths()).toEqual(['/api/v1/tasks?watch=true&from=11']);
    expect([first.state(one), second.state(two)]).toEqual(['live', 'live']);
    // The ledger was taken back: both begin anew.
    server.refuse = () => 410;
    server.of('tasks').end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([first, second].map((tab) => tab.heard.filter((say) => say.say === 'again' && say.id !== far).length)).toEqual([1, 1]);
    server.refuse = null;
    first.open(tasks(3));
    await settle();
    expect(server.paths()).toEqual(['/api/v1/tasks?watch=true&from=3']);
  });

  it('streams the conversations that were come to last, reads the others every second, and those of hidden pages not', async () => {
    const hub = new Hub({ talks: 2 });
    const tabs = ['a', 'b', 'c'].map(() => new Tab(hub));
    const [first, , third] = tabs as [Tab, Tab, Tab];
    const open = tabs.map((tab, index) => tab.open(events('abc'[index]!)));
    await settle();
    expect(server.paths().map((path) => path.split('/')[4])).toEqual(['a', 'b']);
    server.pages['/api/v1/sessions/c/events?from=1&limit=200'] = { items: [{ seq: 4 }, { seq: 5 }], next_cursor: null };
    await vi.advanceTimersByTimeAsync(2_200);
    expect(third.ids(open[2]!)).toEqual(['4', '5']);
    expect(server.asked.at(-1)).toBe('/api/v1/sessions/c/events?from=6&limit=200');
    expect(third.state(open[2]!)).toBe('live');
    server.of('/a/').say(message(3, 'message', {}));
    await settle();
    // Whoever is come to has a stream, from where it stands; the one that gives its own up is read.
    third.ask({ ask: 'shown', shown: true });
    await settle();
    expect(server.paths().map((path) => path.split('/')[4]).sort()).toEqual(['a', 'c']);
    expect(server.of('/c/').path).toContain('from=6');
    // Hidden for a moment is not hidden.
    first.ask({ ask: 'shown', shown: false });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.of('/a/')).toBeTruthy();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(server.paths().map((path) => path.split('/')[4]).sort()).toEqual(['b', 'c']);
    const before = server.asked.filter((path) => path.includes('/a/')).length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.asked.filter((path) => path.includes('/a/'))).toHaveLength(before);
    first.ask({ ask: 'shown', shown: true });
    await settle();
    expect(server.of('/a/').path).toContain('from=4');
    // An end leaves its place to another.
    server.of('/a/').say('event: end\ndata: {"seq":3}\n\n');
    server.of('/a/').end();
    await settle();
    expect(server.paths().map((path) => path.split('/')[4]).sort()).toEqual(['b', 'c']);
  });

  it('reads a conversation without a stream to its end, says so, and reads no further', async () => {
    const tab = new Tab(new Hub({ talks: 0 }));
    const [state, from] = ['/api/v1/sessions/a', (seq: number) => `/api/v1/sessions/a/events?from=${seq}&limit=200`];
    server.pages[state] = { state: 'running' };
    const id = tab.open(events('a'));
    await vi.advanceTimersByTimeAsync(20_500);
    // Now and then it is asked whether the session has ended, not each time.
    const looks = server.asked.filter((path) => path === state).length;
    expect(server.asked.length).toBeGreaterThan(20);
    expect([looks > 1, looks < 7]).toEqual([true, true]);
    server.pages[state] = { state: 'stopped' };
    server.pages[from(1)] = { items: [{ seq: 4 }], next_cursor: '5' };
    server.pages[from(5)] = { items: [{ seq: 7 }], next_cursor: null };
    await vi.advanceTimersByTimeAsync(10_000);
    const told = tab.heard.flatMap((say) => (say.say === 'messages' && say.id === id ? say.messages.map(({ event, data }) => `${event} ${(JSON.parse(data) as { seq: number }).seq}`) : []));
    expect(told).toEqual(['event 4', 'event 7', 'end 7']);
    const asked = server.asked.length;
    await vi.advanceTimersByTimeAsync(10_000);
    tab.ask({ ask: 'shown', shown: true });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.asked).toHaveLength(asked);
  });

  it('that belongs to one page gives all back while that is hidden, unless it is the one that watches', async () => {
    const hub = new Hub({ talks: 1, alone: true });
    const tab = new Tab(hub);
    tab.open(lists);
    tab.open(tasks(2));
    tab.open(events('a'));
    await settle();
    expect(server.paths()).toHaveLength(3);
    tab.ask({ ask: 'shown', shown: false });
    await vi.advanceTimersByTimeAsync(11_000);
    expect(server.paths()).toEqual([]);
    hub.elect();
    await settle();
    expect(server.paths()).toEqual(['/api/v1/watch?lists=missions']);
    tab.ask({ ask: 'shown', shown: true });
    await settle();
    expect(server.paths()).toHaveLength(3);
  });

  it('names in each request whom it is made for, without their roles', async () => {
    const tab = new Tab(new Hub({ talks: 1 }));
    tab.open({ ...lists, as: 'ann viewer mis_1=admin' } as Want);
    tab.open({ ...tasks(1), as: 'ann viewer' } as Want);
    for (const session of ['a', 'b']) tab.open(events(session));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(new Set(server.asked.map((path) => path.split('?')[0]))).toEqual(new Set(['/api/v1/watch', '/api/v1/tasks', '/api/v1/sessions/a/events', '/api/v1/sessions/b/events', '/api/v1/sessions/b']));
    expect([...server.whom]).toEqual(['ann']);
  });

  it('says what was refused, does not ask again by itself, and does when it is told to', async () => {
    const hub = new Hub({ talks: 2 });
    const tab = new Tab(hub);
    server.refuse = () => 401;
    const id = tab.open(lists);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([tab.state(id), server.asked.length]).toEqual(['refused', 1]);
    server.refuse = null;
    tab.ask({ ask: 'retry' });
    await settle();
    expect(tab.state(id)).toBe('live');
  });

  it('cuts a stream that has fallen silent, and opens it again', async () => {
    const tab = new Tab(new Hub({ talks: 2 }));
    const id = tab.open(lists);
    await settle();
    await vi.advanceTimersByTimeAsync(39_000);
    expect([tab.state(id), server.asked.length]).toEqual(['live', 1]);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(server.asked).toHaveLength(2);
    expect(tab.state(id)).toBe('live');
  });
});
