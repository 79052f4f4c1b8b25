// A conversation as it is shown. Pages of it come folded by the server (`GET /sessions/{ref}/conversation`), newest first;
// what comes afterwards comes as events and is folded here by the same rules. Folding is by `seq`: an event that came before
// is not taken twice, and a page that stands already changes nothing.
import type { Schemas, SessionEvent } from '$lib/api/client';

type Page = Schemas['Conversation'];
type Folded = Schemas['ConversationItem'];

export interface ToolPart {
  kind: 'text' | 'diff' | 'terminal' | 'other';
  text: string;
  path?: string;
  before?: string;
}
interface Base {
  seq: number;
  at: string;
  /** Counts up with each change. */
  rev: number;
  /** Its beginning is in a page that was not read yet. */
  partial?: boolean;
}
export type Tool = Base & { type: 'tool'; id: string; title: string; kind: string; status: string; input: unknown; parts: ToolPart[]; locations: string[]; raw: Json; cut: boolean };
export type Permission = Base & { type: 'permission'; id: string; approval: string | null; title: string; answer: string | null; answered: boolean };
type Words = Base & { type: 'message' | 'thought' | 'stderr'; text: string; cut: boolean };
export type Item =
  | (Base & { type: 'prompt'; text: string; turn: string; cut: boolean })
  | Words
  | Tool
  | (Base & { type: 'plan'; entries: { content: string; status: string }[] })
  | Permission
  | (Base & { type: 'end'; outcome: string; usage: string | null })
  | (Base & { type: 'mark'; tone: 'bad' | 'held' | 'idle'; text: string });

export type Json = Record<string, unknown>;
const record = (value: unknown): Json => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : {});
const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));
const isWords = (item: Item | undefined): item is Words => item?.type === 'message' || item?.type === 'thought' || item?.type === 'stderr';

/** Of one message no more than this is kept in the page. */
export const MOST_TEXT = 400_000;

function textOf(block: unknown): string {
  const content = record(block);
  if (typeof content.text === 'string') return content.text;
  const resource = record(content.resource);
  if (typeof resource.text === 'string') return resource.text;
  if (typeof content.uri === 'string') return `[${string(content.type)}: ${content.uri}]`;
  return content.type ? `[${string(content.type)}]` : '';
}

function partsOf(content: unknown): ToolPart[] {
  return array(content).map((entry): ToolPart => {
    const part = record(entry);
    if (part.type === 'diff') return { kind: 'diff', text: string(part.newText), before: string(part.oldText), path: string(part.path) };
    if (part.type === 'terminal') return { kind: 'terminal', text: string(part.output ?? part.terminalId) };
    if (part.type === 'content') return { kind: 'text', text: textOf(part.content) };
    return { kind: 'other', text: JSON.stringify(entry, null, 2) };
  });
}

/** What is shown of a call, from the newest of each of its fields. */
function fill(tool: Tool): void {
  const { raw } = tool;
  tool.title = raw.title === undefined ? 'Tool call' : string(raw.title);
  tool.kind = raw.kind === undefined ? 'other' : string(raw.kind);
  tool.status = raw.status === undefined ? 'pending' : string(raw.status);
  tool.input = raw.rawInput;
  tool.parts = partsOf(raw.content);
  if (raw.rawOutput !== undefined && tool.parts.length === 0) tool.parts = [{ kind: 'other', text: typeof raw.rawOutput === 'string' ? raw.rawOutput : JSON.stringify(raw.rawOutput, null, 2) }];
  tool.locations = array(raw.locations).map((place) => string(record(place).path));
}
const given = (fields: Json): Json => Object.fromEntries(Object.entries(fields).filter(([name, value]) => name !== 'sessionUpdate' && value !== null && value !== undefined));

const entriesOf = (value: unknown) => array(value).map(record).map((entry) => ({ content: string(entry.content), status: string(entry.status) || 'pending' }));

const tokens = (usage: Json): string | null => {
  const total = usage.totalTokens ?? usage.total_tokens;
  return total === undefined ? null : `${Number(total).toLocaleString()} tokens`;
};

/** The words of a mark, and how grave it is. */
function markOf(mark: string, detail: Json): { tone: 'bad' | 'held' | 'idle'; text: string } | null {
  switch (mark) {
    case 'interrupted': return { tone: 'bad', text: 'The agent died in the middle of this turn. It is not sent again.' };
    case 'gap': return { tone: 'held', text: `Something may be missing here${detail.reason ? `: ${string(detail.reason)}` : ''}.` };
    case 'context_lost':
      if (detail.needs_decision === false) return { tone: 'held', text: `The agent began anew: ${string(detail.reason)}.` };
      return { tone: 'bad', text: 'The agent forgot the conversation. Decide whether it goes on with an empty one.' };
    case 'agent': return { tone: 'held', text: `A new agent process took over (number ${string(detail.epoch)}).` };
    case 'mode_refused': return { tone: 'held', text: `The agent did not take the mode ${string(detail.mode)}${detail.reason ? `: ${string(detail.reason)}` : ''}.` };
    case 'state':
      if (detail.state === 'recovering') return { tone: 'held', text: 'Recovering…' };
      if (detail.state === 'failed') return { tone: 'bad', text: `The session failed${detail.reason ? `: ${string(detail.reason)}` : ''}` };
      return detail.state === 'stopped' ? { tone: 'idle', text: 'The session was stopped.' } : null;
    default: return { tone: 'idle', text: mark.replaceAll('_', ' ') };
  }
}

export interface Usage {
  used?: number;
  size?: number;
  cost?: string;
}
const usageOf = (body: Json): Usage => ({ used: Number(body.used) || undefined, size: Number(body.size) || undefined, cost: record(body.cost).amount === undefined ? undefined : `${string(record(body.cost).amount)} ${string(record(body.cost).currency)}` });

/** An item of a page, as it is shown. */
function itemOf(folded: Folded): Item | null {
  const base: Base = { seq: folded.seq, at: folded.at, rev: folded.last_seq, ...(folded.is_partial ? { partial: true } : {}) };
  switch (folded.kind) {
    case 'prompt': return { ...base, type: 'prompt', text: folded.text ?? '', turn: folded.turn ?? '', cut: folded.is_cut };
    case 'message':
    case 'thought':
    case 'stderr': return { ...base, type: folded.kind, text: folded.text ?? '', cut: folded.is_cut };
    case 'tool_call': {
      const raw = given(record(folded.tool_call));
      const tool: Tool = { ...base, type: 'tool', id: string(raw.toolCallId), title: '', kind: '', status: '', input: undefined, parts: [], locations: [], raw, cut: folded.is_cut };
      fill(tool);
      return tool;
    }
    case 'plan': return { ...base, type: 'plan', entries: entriesOf(folded.entries) };
    case 'permission': {
      const held = folded.permission;
      return { ...base, type: 'permission', id: held?.id ?? '', approval: held?.approval_id ?? null, title: held?.title ?? 'A permission', answer: held?.option ?? null, answered: held?.is_answered ?? false };
    }
    case 'turn_end': return { ...base, type: 'end', outcome: folded.outcome ?? 'end_turn', usage: tokens(record(record(folded.detail).usage)) };
    case 'mark': {
      const mark = markOf(folded.mark ?? '', record(folded.detail));
      return mark && { ...base, type: 'mark', ...mark };
    }
    default: return null;
  }
}

export class Conversation {
  items: Item[] = [];
  /** The newest event that was taken. */
  seq = 0;
  title: string | null = null;
  usage: Usage | null = null;
  mode: string | null = null;
  #tools = new Map<string, Tool>();
  #permissions = new Map<string, Permission>();

  /** Characters of words that are held. */
  get length(): number {
    return this.items.reduce((sum, item) => sum + (isWords(item) ? item.text.length : 0), 0);
  }

  /** Begins with the newest page. */
  begin(page: Page): void {
    this.items = page.items.flatMap((folded) => itemOf(folded) ?? []);
    this.seq = page.seq;
    this.title = page.title ?? null;
    this.mode = page.mode ?? null;
    this.usage = page.usage ? usageOf(record(page.usage)) : null;
    for (const item of this.items) this.#know(item);
  }

  /** The end of words of which a page holds the beginning only: it is what is read. */
  end(seq: number, events: readonly SessionEvent[]): void {
    const item = this.items.find((one) => one.seq === seq);
    if (!isWords(item)) return;
    const text = events.filter((event) => event.kind === item.type).map((event) => (item.type === 'stderr' ? `${string(record(event.body).text)}\n` : textOf(record(event.body).content))).join('');
    item.text = `${item.text}\n\n…\n\n${text}`.slice(-MOST_TEXT);
    item.rev += 1;
  }

  /** Puts the page before what is held in front of it. What one page has in parts becomes whole. */
  before(page: Page): void {
    const older = page.items.flatMap((folded) => itemOf(folded) ?? []);
    const known = new Set(this.items.map((item) => item.seq));
    const fresh = older.filter((item) => !known.has(item.seq));
    // Newer fields win, and the older place is kept.
    const find = <T extends Item>(type: T['type'], id: string) => fresh.findLast((item): item is T => item.type === type && (item as unknown as { id: string }).id === id);
    const at = this.items.findIndex((item) => item.partial && isWords(item));
    this.items = this.items.filter((item, index) => {
      if (!item.partial) return true;
      if (item.type === 'tool') {
        const begun = find<Tool>('tool', item.id);
        if (!begun) return true;
        begun.raw = { ...begun.raw, ...item.raw };
        begun.rev += item.rev + 1;
        begun.cut ||= item.cut;
        fill(begun);
        if (this.#tools.get(item.id) === item) this.#tools.set(item.id, begun);
        return false;
      }
      if (item.type === 'permission') {
        const begun = find<Permission>('permission', item.id);
        if (!begun) return true;
        [begun.answer, begun.answered] = [item.answer ?? begun.answer, item.answered || begun.answered];
        begun.rev += item.rev + 1;
        if (this.#permissions.get(item.id) === item) this.#permissions.set(item.id, begun);
        return false;
      }
      const last = fresh.at(-1);
      if (index !== at || !isWords(item) || last?.type !== item.type) return true;
      const text = last.text + (item.type === 'stderr' ? '\n' : '') + item.text;
      // The end is what is read on; of what is too long the beginning is left out.
      last.cut = last.cut || item.cut || text.length > MOST_TEXT;
      last.text = text.slice(-MOST_TEXT);
      last.rev += item.rev + 1;
      return false;
    });
    // One plan in each turn: the newer stands at the older place.
    const [turn, next] = [fresh.findLastIndex((item) => item.type === 'prompt'), this.items.findIndex((item) => item.type === 'prompt')];
    const begun = fresh.find((item, index) => index > turn && item.type === 'plan');
    const newer = this.items.findIndex((item, index) => item.type === 'plan' && (next < 0 || index < next));
    const plan = this.items[newer];
    if (begun?.type === 'plan' && plan?.type === 'plan') {
      begun.entries = plan.entries;
      begun.rev += plan.rev + 1;
      this.items.splice(newer, 1);
    }
    for (const item of fresh) this.#know(item, false);
    this.items = [...fresh, ...this.items];
    this.usage ??= page.usage ? usageOf(record(page.usage)) : null;
    this.title ??= page.title ?? null;
  }

  #know(item: Item, newest = true): void {
    if (item.type === 'tool' && (newest || !this.#tools.has(item.id))) this.#tools.set(item.id, item);
    if (item.type === 'permission' && (newest || !this.#permissions.has(item.id))) this.#permissions.set(item.id, item);
  }

  /** Takes an event; answers whether anything changed. */
  take(event: SessionEvent): boolean {
    if (event.seq <= this.seq) return false;
    this.seq = event.seq;
    const body = record(event.body);
    const base: Base = { seq: event.seq, at: event.at, rev: 0 };
    switch (event.kind) {
      case 'prompt':
        this.items.push({ ...base, type: 'prompt', text: array(body.prompt).map(textOf).join('\n'), turn: string(body.op_id), cut: false });
        return true;
      case 'message':
      case 'thought':
        return this.#say(base, event.kind, textOf(body.content), '');
      case 'stderr':
        return this.#say(base, 'stderr', string(body.text), '\n');
      case 'tool_call':
        return this.#tool(base, body);
      case 'plan': {
        const entries = entriesOf(body.entries);
        const turn = this.items.findLastIndex((item) => item.type === 'prompt');
        const held = this.items.find((item, index) => index > turn && item.type === 'plan');
        if (held?.type === 'plan') {
          held.entries = entries;
          held.rev += 1;
        } else this.items.push({ ...base, type: 'plan', entries });
        return true;
      }
      case 'permission_open': {
        const item: Permission = { ...base, type: 'permission', id: string(body.id), approval: typeof body.approval_id === 'string' ? body.approval_id : null, title: string(record(body.tool_call).title) || 'A permission', answer: null, answered: false };
        this.#permissions.set(item.id, item);
        this.items.push(item);
        return true;
      }
      case 'permission_answer': {
        const held = this.#permissions.get(string(body.id));
        if (!held) return false;
        held.answered = true;
        held.answer = body.option ? string(body.option) : null;
        held.rev += 1;
        return true;
      }
      case 'turn_end':
        this.items.push({ ...base, type: 'end', outcome: string(body.outcome) || 'end_turn', usage: tokens(record(record(record(body.line).result).usage)) });
        return true;
      case 'interrupted':
      case 'gap':
      case 'context_lost':
      case 'state': {
        const mark = markOf(event.kind, body);
        if (mark) this.items.push({ ...base, type: 'mark', ...mark });
        return mark !== null;
      }
      default:
        return this.#other(base, body);
    }
  }

  #say(base: Base, type: Words['type'], text: string, between: string): boolean {
    const last = this.items.at(-1);
    if (isWords(last) && last.type === type) {
      if (last.text.length < MOST_TEXT) last.text += between + text;
      else last.cut = true;
      last.rev += 1;
    } else if (text) this.items.push({ ...base, type, text: text.slice(0, MOST_TEXT), cut: text.length > MOST_TEXT });
    return true;
  }

  #tool(base: Base, body: Json): boolean {
    const id = string(body.toolCallId);
    let tool = this.#tools.get(id);
    if (!tool || (body.sessionUpdate === 'tool_call' && ['completed', 'failed'].includes(tool.status))) {
      tool = { ...base, type: 'tool', id, title: '', kind: '', status: '', input: undefined, parts: [], locations: [], raw: {}, cut: false };
      this.#tools.set(id, tool);
      this.items.push(tool);
    }
    tool.raw = { ...tool.raw, ...given(body) };
    tool.rev += 1;
    fill(tool);
    return true;
  }

  #other(base: Base, body: Json): boolean {
    if (body.event === 'started' && Number(body.epoch) > 1) this.items.push({ ...base, type: 'mark', ...markOf('agent', body)! });
    else if (body.event === 'mode_refused') this.items.push({ ...base, type: 'mark', ...markOf('mode_refused', body)! });
    else if (body.event === 'mode') this.mode = string(body.mode);
    else if (body.sessionUpdate === 'usage_update') this.usage = usageOf(body);
    else if (body.sessionUpdate === 'current_mode_update') this.mode = string(body.currentModeId);
    else if (body.sessionUpdate === 'session_info_update') this.title = string(body.title) || this.title;
    else return false;
    return true;
  }
}
