import { describe, expect, it } from 'vitest';
import type { LedgerEvent } from '$lib/api/client';
import { claimsOf, stepsOf } from './History.svelte';
import { cutAt, lasted, termsOf } from './text';

const event = (seq: number, after: unknown) => ({ seq, occurred_at: `2026-01-01T00:00:${String(seq).padStart(2, '0')}Z`, body: after === null ? null : JSON.stringify({ after }) }) as LedgerEvent;

describe('the history of a task', () => {
  it('has each state once, in order, and each attempt', () => {
    const steps = stepsOf([event(3, { state: 'claimed', attempt: 1, claim: { principal: 'ann' } }), event(1, { state: 'ready', attempt: 0 }), event(2, { state: 'ready', attempt: 0, priority: 9 }), event(4, { state: 'ready', attempt: 1 }), event(5, { state: 'claimed', attempt: 2 })]);
    expect(steps.map((step) => [step.state, step.attempt, step.by])).toEqual([['ready', 0, ''], ['claimed', 1, 'ann'], ['ready', 1, ''], ['claimed', 2, '']]);
  });
  it('passes over what it cannot read', () => {
    expect(stepsOf([event(1, null), { ...event(2, {}), body: '{' } as LedgerEvent, event(3, { kind: 'claim', state: 'active' })])).toEqual([]);
  });
});

describe('the claims of a task', () => {
  const claim = (attempt: number, principal: string, state: string) => ({ attempt, principal, principal_id: `prn_${principal}`, claimed_at: `2026-01-01T00:00:0${attempt}Z`, state });
  it('are told once for each attempt, with how it ended', () => {
    const found = claimsOf([event(6, { state: 'done', claim: claim(2, 'bob', 'ended') }), event(1, { state: 'ready' }), event(2, { state: 'claimed', claim: claim(1, 'ann', 'active') }), event(3, { state: 'ready', claim: claim(1, 'ann', 'expired') }), event(4, { state: 'ready', priority: 9, claim: claim(1, 'ann', 'expired') }), event(5, { state: 'claimed', claim: claim(2, 'bob', 'active') }), event(7, null)]);
    expect(found.map((held) => [held.attempt, held.principal, held.state, held.until])).toEqual([[2, 'bob', 'ended', '2026-01-01T00:00:06Z'], [1, 'ann', 'expired', '2026-01-01T00:00:03Z']]);
  });
});

describe('words that two texts share', () => {
  it('are cut out whole, and the text stays as it was', () => {
    const text = 'Parse the frames of the Radar; frameset';
    const parts = cutAt(text, ['frames', 'radar']);
    expect(parts.filter((part) => part.hit).map((part) => part.text)).toEqual(['frames', 'Radar']);
    expect(parts.map((part) => part.text).join('')).toBe(text);
    expect([...termsOf('A frame, a FRAME, of it')]).toEqual(['frame']);
  });
  it('durations read short', () => {
    expect([lasted('2026-01-01T00:00:00Z', '2026-01-01T00:00:45Z'), lasted('2026-01-01T00:00:00Z', '2026-01-01T03:00:00Z')]).toEqual(['45 s', '3 h']);
  });
});
