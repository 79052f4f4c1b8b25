import { describe, expect, it } from 'vitest';
import { BOX, around, layout, type Placed } from './layout';

const edges = (...pairs: [number, number][]) => Int32Array.from(pairs.flat());

/** No two boxes stand over each other, and all are inside. */
function apart(placed: Placed): void {
  const seen = new Set<string>();
  const rows = new Map<number, number[]>();
  for (let node = 0; node < placed.x.length; node += 1) {
    seen.add(`${placed.x[node]} ${placed.y[node]}`);
    const row = Math.round(placed.y[node]!);
    rows.get(row)?.push(placed.x[node]!) ?? rows.set(row, [placed.x[node]!]);
    expect(placed.x[node]! + BOX.width <= placed.width + 0.5 && placed.y[node]! + BOX.height <= placed.height + 0.5).toBe(true);
  }
  expect(seen.size).toBe(placed.x.length);
  for (const xs of rows.values()) xs.sort((a, b) => a - b).forEach((x, index) => index && expect(x - xs[index - 1]!).toBeGreaterThan(BOX.width));
}

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
    const view = { width: 1200, height: 680 };
    const pairs: [number, number][] = [];
    for (let node = 1; node < 10_000; node += 1) for (let step = 1; step <= 2; step += 1) pairs.push([Math.floor(node / (step + 1)), node]);
    const placed = layout(10_000, edges(...pairs), view);
    expect(placed.x).toHaveLength(10_000);
    expect(pairs.every(([from, to]) => placed.layer[from]! < placed.layer[to]!)).toBe(true);
    apart(placed);
  });
  it('breaks a long strip into lines that fill the view, each arrow to the right or to a line below', { timeout: 60_000 }, () => {
    for (const [count, needs] of [[10_000, (at: number) => [Math.floor(at / 2), at - 1 - (at % 37)]], [10_000, (at: number) => [at - 1]], [3_000, (at: number) => (at < 1_500 ? [] : [at - 1_500])]] as const) {
      const pairs: [number, number][] = [];
      for (let node = 1; node < count; node += 1) for (const other of new Set(needs(node))) if (other >= 0 && other < node) pairs.push([other, node]);
      for (const view of [{ width: 1200, height: 680 }, { width: 360, height: 560 }]) {
        const placed = layout(count, edges(...pairs), view);
        const ratio = placed.width / placed.height / (view.width / view.height);
        expect(ratio).toBeGreaterThan(0.5);
        expect(ratio).toBeLessThan(2);
        // Boxes cover a good part of what is drawn.
        expect((count * BOX.tight * BOX.row) / (placed.width * placed.height)).toBeGreaterThan(0.3);
        expect(pairs.every(([from, to]) => placed.line[to]! > placed.line[from]! || (placed.line[to] === placed.line[from] && placed.x[to]! > placed.x[from]!))).toBe(true);
        expect(placed.bands.reduce((sum, band) => sum + band.count, 0)).toBe(count);
        apart(placed);
      }
    }
  });
  it('leaves what can be read in one strip', () => {
    const placed = layout(6, edges([0, 1], [1, 2], [2, 3], [3, 4], [4, 5]));
    expect(placed.bands).toHaveLength(1);
    expect(new Set(placed.y).size).toBe(1);
  });
  it('knows what hangs together', () => {
    expect([...around(1, 5, edges([0, 1], [1, 2], [2, 3], [4, 3]))].sort()).toEqual([0, 1, 2, 3]);
  });
});
