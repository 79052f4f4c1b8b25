// Events of a session, folded to what is shown: words that stream in are one message, a tool call and its updates are one
// item. Folding is by `seq`: an event that came before is not taken twice.
import type { SessionEvent } from '$lib/api/client';

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
}
export type Item = Base &
  (
    | { type: 'prompt'; text: string; turn: string }
    | { type: 'message' | 'thought'; text: string; cut: boolean }
    | { type: 'tool'; id: string; title: string; kind: string; status: string; input: unknown; parts: ToolPart[]; locations: string[] }
    | { type: 'plan'; entries: { content: string; status: string }[] }
    | { type: 'permission'; id: string; approval: string | null; title: string; options: { optionId: string; name: string; kind: string }[]; answer: string | null; answered: boolean }
    | { type: 'end'; outcome: string; usage: string | null }
    | { type: 'mark'; tone: 'bad' | 'held' | 'idle'; text: string }
    | { type: 'stderr'; text: string }
  );

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : {});
const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));

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

export class Conversation {
  items: Item[] = [];
  /** The newest event that was taken. */
  seq = 0;
  title: string | null = null;
  usage: { used?: number; size?: number; cost?: string } | null = null;
  mode: string | null = null;
  #tools = new Map<string, Extract<Item, { type: 'tool' }>>();
  #permissions = new Map<string, Extract<Item, { type: 'permission' }>>();

  /** Takes an event; answers whether anything changed. */
  take(event: SessionEvent): boolean {
    if (event.seq <= this.seq) return false;
    this.seq = event.seq;
    const body = record(event.body);
    const base: Base = { seq: event.seq, at: event.at, rev: 0 };
    switch (event.kind) {
      case 'prompt':
        this.items.push({ ...base, type: 'prompt', text: array(body.prompt).map(textOf).join('\n'), turn: string(body.op_id) });
        return true;
      case 'message':
      case 'thought': {
        const text = textOf(body.content);
        const last = this.items.at(-1);
        if (last?.type === event.kind) {
          if (last.text.length < MOST_TEXT) last.text += text;
          else last.cut = true;
          last.rev += 1;
        } else if (text) this.items.push({ ...base, type: event.kind, text: text.slice(0, MOST_TEXT), cut: text.length > MOST_TEXT });
        return true;
      }
      case 'tool_call':
        return this.#tool(base, body);
      case 'plan': {
        const entries = array(body.entries).map(record).map((entry) => ({ content: string(entry.content), status: string(entry.status) || 'pending' }));
        const turn = this.items.findLastIndex((item) => item.type === 'prompt');
        const held = this.items.find((item, index) => index > turn && item.type === 'plan');
        if (held?.type === 'plan') {
          held.entries = entries;
          held.rev += 1;
        } else this.items.push({ ...base, type: 'plan', entries });
        return true;
      }
      case 'permission_open': {
        const item: Extract<Item, { type: 'permission' }> = {
          ...base, type: 'permission', id: string(body.id), approval: typeof body.approval_id === 'string' ? body.approval_id : null, title: string(record(body.tool_call).title) || 'A permission',
          options: array(body.options).map(record).map((option) => ({ optionId: string(option.optionId), name: string(option.name), kind: string(option.kind) })), answer: null, answered: false
        };
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
        this.items.push({ ...base, type: 'end', outcome: string(body.outcome) || 'end_turn', usage: this.#usage(record(record(record(body.line).result).usage)) });
        return true;
      case 'interrupted':
        this.items.push({ ...base, type: 'mark', tone: 'bad', text: 'The agent died in the middle of this turn. It is not sent again.' });
        return true;
      case 'gap':
        this.items.push({ ...base, type: 'mark', tone: 'held', text: `Some events were dropped here${body.dropped ? `: ${string(body.dropped)}` : ''}.` });
        return true;
      case 'context_lost':
        this.items.push({ ...base, type: 'mark', tone: 'bad', text: 'The agent forgot the conversation. Decide whether it goes on with an empty one.' });
        return true;
      case 'state':
        if (body.state === 'recovering') this.items.push({ ...base, type: 'mark', tone: 'held', text: 'Recovering…' });
        else if (body.state === 'failed' || body.state === 'stopped') this.items.push({ ...base, type: 'mark', tone: body.state === 'failed' ? 'bad' : 'idle', text: body.state === 'failed' ? `The session failed${body.reason ? `: ${string(body.reason)}` : ''}` : 'The session was stopped.' });
        else return false;
        return true;
      case 'stderr': {
        const last = this.items.at(-1);
        if (last?.type === 'stderr') {
          if (last.text.length < MOST_TEXT) last.text += `\n${string(body.text)}`;
          last.rev += 1;
        } else this.items.push({ ...base, type: 'stderr', text: string(body.text) });
        return true;
      }
      default:
        return this.#other(base, body);
    }
  }

  #tool(base: Base, body: Json): boolean {
    const id = string(body.toolCallId);
    let tool = this.#tools.get(id);
    if (!tool || (body.sessionUpdate === 'tool_call' && ['completed', 'failed'].includes(tool.status))) {
      tool = { ...base, type: 'tool', id, title: 'Tool call', kind: 'other', status: 'pending', input: undefined, parts: [], locations: [] };
      this.#tools.set(id, tool);
      this.items.push(tool);
    }
    if (body.title !== undefined) tool.title = string(body.title);
    if (body.kind !== undefined) tool.kind = string(body.kind);
    if (body.status !== undefined) tool.status = string(body.status);
    if (body.rawInput !== undefined) tool.input = body.rawInput;
    if (body.content !== undefined && body.content !== null) tool.parts = partsOf(body.content);
    if (body.rawOutput !== undefined && tool.parts.length === 0) tool.parts = [{ kind: 'other', text: typeof body.rawOutput === 'string' ? body.rawOutput : JSON.stringify(body.rawOutput, null, 2) }];
    if (body.locations !== undefined) tool.locations = array(body.locations).map((place) => string(record(place).path));
    tool.rev += 1;
    return true;
  }

  #other(base: Base, body: Json): boolean {
    if (body.event === 'started' && Number(body.epoch) > 1) this.items.push({ ...base, type: 'mark', tone: 'held', text: `A new agent process took over (number ${string(body.epoch)}).` });
    else if (body.sessionUpdate === 'usage_update') this.usage = { used: Number(body.used) || undefined, size: Number(body.size) || undefined, cost: record(body.cost).amount === undefined ? undefined : `${string(record(body.cost).amount)} ${string(record(body.cost).currency)}` };
    else if (body.sessionUpdate === 'current_mode_update') this.mode = string(body.currentModeId);
    else if (body.sessionUpdate === 'session_info_update') this.title = string(body.title) || this.title;
    else return false;
    return true;
  }

  #usage(usage: Json): string | null {
    const total = usage.totalTokens ?? usage.total_tokens;
    return total === undefined ? null : `${Number(total).toLocaleString()} tokens`;
  }
}
