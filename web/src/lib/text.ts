// Text that others wrote. It only ever becomes text nodes; what cannot be seen, or makes other text read differently, is
// shown as what it is.

export interface Segment {
  text: string;
  /** Set for a character that is named instead of shown. */
  hidden?: string;
}

const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const HIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

const NAMES: Record<string, string> = {
  '\u200b': 'zero-width space',
  '\u200e': 'left-to-right mark',
  '\u200f': 'right-to-left mark',
  '\u202a': 'left-to-right embedding',
  '\u202b': 'right-to-left embedding',
  '\u202c': 'pop directional formatting',
  '\u202d': 'left-to-right override',
  '\u202e': 'right-to-left override',
  '\u2066': 'left-to-right isolate',
  '\u2067': 'right-to-left isolate',
  '\u2068': 'first strong isolate',
  '\u2069': 'pop directional isolate',
  '\ufeff': 'zero-width no-break space'
};

const code = (character: string) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** Cuts a text at characters that must not act. Colours of terminals are taken out. */
export function segments(text: string): Segment[] {
  const plain = text.replace(ANSI, '');
  const found: Segment[] = [];
  let at = 0;
  for (const match of plain.matchAll(HIDDEN)) {
    if (match.index > at) found.push({ text: plain.slice(at, match.index) });
    const name = NAMES[match[0]];
    found.push({ text: code(match[0]), hidden: name ? `${code(match[0])} ${name}` : code(match[0]) });
    at = match.index + match[0].length;
  }
  if (at < plain.length) found.push({ text: plain.slice(at) });
  return found;
}

/** The same as one string, for attributes and titles. */
export function visible(text: string): string {
  return segments(text)
    .map((part) => (part.hidden ? `⟨${part.text}⟩` : part.text))
    .join('');
}

/** An address that may be followed: http, https and mailto only. */
export function safeLink(href: string): string | null {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** `1.2 kB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const unit = count < 1e6 ? 1 : count < 1e9 ? 2 : 3;
  return `${(count / 1000 ** unit).toFixed(1)} ${['kB', 'MB', 'GB'][unit - 1]}`;
}

/** How long ago or how soon: `12 s ago`, `in 3 h`. */
export function relative(at: string, now: number): string {
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (!Number.isFinite(seconds)) return at;
  const span = Math.abs(seconds);
  const words =
    span < 60 ? `${span} s` : span < 3600 ? `${Math.floor(span / 60)} min` : span < 172_800 ? `${Math.floor(span / 3600)} h` : `${Math.floor(span / 86_400)} d`;
  if (span < 3) return 'now';
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

const WORD = /[\p{L}\p{N}]{4,}/gu;
/** Words of a text that may be shared with another: four letters and more, in small letters. */
export function termsOf(text: string): Set<string> {
  return new Set([...text.slice(0, 40_000).matchAll(WORD)].map((match) => match[0].toLowerCase()));
}

/** Cuts a text where one of the words stands. */
export function cutAt(text: string, terms: readonly string[]): { text: string; hit: boolean }[] {
  const wanted = new Set(terms.map((term) => term.toLowerCase()));
  const parts: { text: string; hit: boolean }[] = [];
  let at = 0;
  for (const match of text.slice(0, 40_000).matchAll(/[\p{L}\p{N}]+/gu)) {
    if (!wanted.has(match[0].toLowerCase())) continue;
    if (match.index > at) parts.push({ text: text.slice(at, match.index), hit: false });
    parts.push({ text: match[0], hit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), hit: false });
  return parts;
}

/** How long something lasted: `45 s`, `3 min`, `2 h`. */
export function lasted(from: string, to: string): string {
  const span = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  return span < 60 ? `${span} s` : span < 3600 ? `${Math.round(span / 60)} min` : span < 172_800 ? `${Math.round(span / 3600)} h` : `${Math.round(span / 86_400)} d`;
}
