import { describe, expect, it } from 'vitest';
import { BOX, around, layout } from './layout';

const edges = (...pairs: [number, number][]) => Int32Array.from(pairs.flat());

describe('the layout of a graph', () => {
  it('lets every arrow go to the right, by the longest way', () => {
    const placed = layout(4, edges([0, 1], [1, 2], [0, 2], [3, 2]));
    expect([...placed.layer]).toEqual([0, 1, 2, 0]);
    expect(placed.x[0]!).toBeLessThan(placed.x[1]!);
    expect(placed.x[1]!).toBeLessThan(placed.x[2]!);
  });
  it('puts no two boxes over each other, also where a layer is folded and tasks stand alone', () => {
    const many: [number, number][] = Array.from({ length: 300 }, (_, index) => [0, index + 1]);
    const placed = layout(420, edges(...many));
    const seen = new Set<string>();
    for (let node = 0; node < 420; node += 1) seen.add(`${placed.x[node]} ${placed.y[node]}`);
    expect(seen.size).toBe(420);
    for (let node = 0; node < 420; node += 1) {
      expect(placed.x[node]! + BOX.width).toBeLessThanOrEqual(placed.width + 0.5);
      expect(placed.y[node]! + BOX.height).toBeLessThanOrEqual(placed.height + 0.5);
    }
  });
  it('untangles what can be untangled', () => {
    // Two chains, named crosswise.
    const placed = layout(4, edges([0, 3], [1, 2]));
    expect(placed.y[0]! < placed.y[1]!).toBe(placed.y[3]! < placed.y[2]!);
  });
  it('ends with circles and with pairs that name nothing', () => {
    const placed = layout(3, edges([0, 1], [1, 0], [1, 2], [7, 1], [-1, 0]));
    expect(placed.layer.every((layer) => layer >= 0)).toBe(true);
  });
  it('is empty for nothing, and places ten thousand tasks', { timeout: 60_000 }, () => {
    expect(layout(0, edges()).width).toBe(BOX.width);
    const pairs: [number, number][] = [];
    for (let node = 1; node < 10_000; node += 1) for (let step = 1; step <= 2; step += 1) pairs.push([Math.floor(node / (step + 1)), node]);
    const placed = layout(10_000, edges(...pairs));
    expect(placed.x).toHaveLength(10_000);
    expect(pairs.every(([from, to]) => placed.layer[from]! < placed.layer[to]!)).toBe(true);
  });
  it('knows what hangs together', () => {
    expect([...around(1, 5, edges([0, 1], [1, 2], [2, 3], [4, 3]))].sort()).toEqual([0, 1, 2, 3]);
  });
});
