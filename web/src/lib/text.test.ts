import { describe, expect, it } from 'vitest';
import { bytes, relative, safeLink, segments, visible } from './text';

describe('text of others', () => {
  it('names what would make other text read differently', () => {
    expect(visible('safe\u202egnp.exe')).toBe('safe⟨U+202E⟩gnp.exe');
    expect(segments('a\u200bb')).toEqual([{ text: 'a' }, { text: 'U+200B', hidden: 'U+200B zero-width space' }, { text: 'b' }]);
  });
  it('takes colours of terminals out and keeps what they colour', () => {
    expect(visible('\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007')).toBe('red link');
  });
  it('keeps words of all scripts, and emoji', () => {
    for (const text of ['שלום', 'नमस्ते', '👩‍🚀 ok', 'tab\there\nline']) expect(visible(text)).toBe(text);
  });
  it('follows http, https and mailto only', () => {
    for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '//evil', '/api/v1/auth/logout', 'blob:x']) expect(safeLink(bad), bad).toBeNull();
    expect(safeLink('https://example.org/a')).toBe('https://example.org/a');
  });
  it('says sizes and times shortly', () => {
    expect([bytes(12), bytes(1500), bytes(3_400_000)]).toEqual(['12 B', '1.5 kB', '3.4 MB']);
    const now = Date.parse('2026-01-01T00:10:00Z');
    expect([relative('2026-01-01T00:09:00Z', now), relative('2026-01-01T03:10:00Z', now), relative('nonsense', now)]).toEqual(['1 min ago', 'in 3 h', 'nonsense']);
  });
});
