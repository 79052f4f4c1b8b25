// Where the tasks of a graph stand: in layers from left to right, so that each arrow goes to the right; inside a layer in
// the order that makes arrows short (median of what they hang on, a few sweeps). Tasks without arrows stand in a block
// below. Pure, so that a worker and a test can call it.
//
// Cost: O(sweeps · (nodes + edges) log) in time; nothing is kept between calls.

/** Of one box, and between boxes, in units of the drawing. */
export const BOX = { width: 176, height: 40, column: 248, row: 54 } as const;

export interface Placed {
  /** Left upper corners, by node. */
  x: Float32Array;
  y: Float32Array;
  /** The column, by node; −1 in the block of tasks without arrows. */
  layer: Int32Array;
  width: number;
  height: number;
}

/** No layer is higher than this many boxes: what is more stands beside it. */
const MOST_ROWS = 64;
const SWEEPS = 6;

/**
 * Places `count` nodes.
 * `edges` holds pairs: from what is needed, to what needs it. Pairs that name no node are left out.
 */
export function layout(count: number, edges: Int32Array): Placed {
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const layer = new Int32Array(count).fill(-1);
  const after: number[][] = Array.from({ length: count }, () => []);
  const before: number[][] = Array.from({ length: count }, () => []);
  for (let at = 0; at + 1 < edges.length; at += 2) {
    const [from, to] = [edges[at]!, edges[at + 1]!];
    if (from < 0 || to < 0 || from >= count || to >= count || from === to) continue;
    after[from]!.push(to);
    before[to]!.push(from);
  }
  const tied: number[] = [];
  for (let node = 0; node < count; node += 1) if (after[node]!.length || before[node]!.length) tied.push(node);
  const layers = ranks(tied, after, before, layer);
  order(layers, after, before, count);

  // Layers that are too high are folded into several columns; the middle of each stands on one line.
  let column = 0;
  let tallest = 0;
  for (const nodes of layers) tallest = Math.max(tallest, Math.min(nodes.length, MOST_ROWS));
  for (const nodes of layers) {
    const columns = Math.max(1, Math.ceil(nodes.length / MOST_ROWS));
    const rows = Math.ceil(nodes.length / columns);
    nodes.forEach((node, index) => {
      x[node] = (column + Math.floor(index / rows)) * BOX.column;
      y[node] = ((index % rows) + (tallest - rows) / 2) * BOX.row;
    });
    column += columns;
  }

  // The block of those without arrows, as wide as the rest or about as wide as high.
  const alone: number[] = [];
  for (let node = 0; node < count; node += 1) if (layer[node] === -1) alone.push(node);
  const across = Math.max(1, Math.min(alone.length, Math.max(column, Math.ceil(Math.sqrt((alone.length * BOX.row * 1.6) / BOX.column)))));
  const top = tallest ? (tallest + 1) * BOX.row : 0;
  alone.forEach((node, index) => {
    x[node] = (index % across) * BOX.column;
    y[node] = top + Math.floor(index / across) * BOX.row;
  });

  const width = Math.max(column, alone.length ? across : 0) * BOX.column - (BOX.column - BOX.width);
  const height = (alone.length ? top + Math.ceil(alone.length / across) * BOX.row : tallest * BOX.row) - (BOX.row - BOX.height);
  return { x, y, layer, width: Math.max(BOX.width, width), height: Math.max(BOX.height, height) };
}

/** The longest way from a beginning. What stands in a circle, which the server refuses, comes last. */
function ranks(tied: number[], after: number[][], before: number[][], layer: Int32Array): number[][] {
  const open = new Map<number, number>();
  const ready: number[] = [];
  for (const node of tied) {
    open.set(node, before[node]!.length);
    if (before[node]!.length === 0) {
      layer[node] = 0;
      ready.push(node);
    }
  }
  let last = 0;
  for (let at = 0; at < ready.length; at += 1) {
    const node = ready[at]!;
    last = Math.max(last, layer[node]!);
    for (const next of after[node]!) {
      layer[next] = Math.max(layer[next]!, layer[node]! + 1);
      const left = open.get(next)! - 1;
      open.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  const layers: number[][] = [];
  for (const node of tied) {
    if (open.get(node)! > 0) layer[node] = last + 1;
    (layers[layer[node]!] ??= []).push(node);
  }
  return Array.from(layers, (nodes) => nodes ?? []);
}

/** Orders each layer by the median place of its neighbours, forth and back. */
function order(layers: number[][], after: number[][], before: number[][], count: number): void {
  const place = new Float64Array(count);
  const number = (nodes: number[]) => nodes.forEach((node, index) => (place[node] = index / Math.max(1, nodes.length)));
  layers.forEach(number);
  const key = new Float64Array(count);
  const sort = (nodes: number[], near: number[][]) => {
    for (const node of nodes) {
      const places = near[node]!.map((other) => place[other]!).sort((a, b) => a - b);
      const middle = places.length >> 1;
      key[node] = places.length === 0 ? place[node]! : places.length % 2 ? places[middle]! : (places[middle - 1]! + places[middle]!) / 2;
    }
    nodes.sort((a, b) => key[a]! - key[b]! || a - b);
    number(nodes);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    if (sweep % 2 === 0) for (let at = 1; at < layers.length; at += 1) sort(layers[at]!, before);
    else for (let at = layers.length - 2; at >= 0; at -= 1) sort(layers[at]!, after);
  }
}

/** A node with all it needs and all that needs it, over any number of steps. */
export function around(node: number, count: number, edges: Int32Array): Set<number> {
  const walk = (forward: boolean): Set<number> => {
    const next: number[][] = Array.from({ length: count }, () => []);
    for (let at = 0; at + 1 < edges.length; at += 2) next[edges[forward ? at : at + 1]!]?.push(edges[forward ? at + 1 : at]!);
    const seen = new Set([node]);
    const todo = [node];
    for (let one = todo.pop(); one !== undefined; one = todo.pop())
      for (const other of next[one]!) if (!seen.has(other)) { seen.add(other); todo.push(other); }
    return seen;
  };
  return new Set([...walk(true), ...walk(false)]);
}
