// Where the tasks of a graph stand: in steps from left to right, so that each arrow goes to the right; inside a step in the
// order that makes arrows short (median of what they hang on, a few sweeps). A graph that would be a long strip is broken
// into lines, as words are, so that all of it fits the view as large as may be; then an arrow goes to the right or to a
// line below. Tasks without arrows stand in a block below. Pure, so that a worker and a test can call it.
//
// Cost: O(sweeps · (nodes + edges) log + steps · widths tried) in time; nothing is kept between calls.

/** Of one box, and from box to box, in units of the drawing. `tight`: inside a step, where no arrow runs. */
export const BOX = { width: 176, height: 40, column: 248, tight: 190, row: 54, gap: 84 } as const;

/** A line of steps; the block of tasks without arrows is one too. */
export interface Band {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Its first and last step, counted from 0; −1 for the block without arrows. */
  from: number;
  to: number;
  count: number;
}

export interface Placed {
  /** Left upper corners, by node. */
  x: Float32Array;
  y: Float32Array;
  /** The step, by node; −1 in the block of tasks without arrows. */
  layer: Int32Array;
  /** The place inside the step, from the top, by node. */
  place: Int32Array;
  /** The line, by node. */
  line: Int32Array;
  bands: Band[];
  width: number;
  height: number;
}

/** What it is laid out for, in pixels. */
export interface View {
  width: number;
  height: number;
}

/** No step is higher than this many boxes: what is more stands beside it. */
const MOST_ROWS = 64;
/** Heights that are tried for lines. */
const ROWS = [4, 6, 9, 13, 18, 25, 34, 46, MOST_ROWS, 90, 128];
/** From this size on, words of a box are read without effort. */
const READABLE = 0.7;
const SWEEPS = 6;

/** Columns of one step in one line. */
interface Part {
  step: number;
  /** The first of its nodes here, and how many. */
  first: number;
  count: number;
  rows: number;
  line: number;
  x: number;
}
interface Plan {
  parts: Part[];
  /** Boxes above each other, by line. */
  rows: number[];
  widths: number[];
  width: number;
  height: number;
}

/**
 * Places `count` nodes for a view.
 * `edges` holds pairs: from what is needed, to what needs it. Pairs that name no node are left out.
 */
export function layout(count: number, edges: Int32Array, view: View = { width: 1200, height: 680 }): Placed {
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const layer = new Int32Array(count).fill(-1);
  const place = new Int32Array(count);
  const line = new Int32Array(count);
  const after: number[][] = Array.from({ length: count }, () => []);
  const before: number[][] = Array.from({ length: count }, () => []);
  for (let at = 0; at + 1 < edges.length; at += 2) {
    const [from, to] = [edges[at]!, edges[at + 1]!];
    if (from < 0 || to < 0 || from >= count || to >= count || from === to) continue;
    after[from]!.push(to);
    before[to]!.push(from);
  }
  const tied: number[] = [];
  const alone: number[] = [];
  for (let node = 0; node < count; node += 1) (after[node]!.length || before[node]!.length ? tied : alone).push(node);
  const layers = ranks(tied, after, before, layer);
  order(layers, after, before, count);
  for (const nodes of layers) nodes.forEach((node, index) => (place[node] = index));

  const plan = arrange(layers.map((nodes) => nodes.length), view);
  const bands: Band[] = [];
  let top = 0;
  plan.rows.forEach((rows, index) => {
    bands.push({ x: 0, y: top, width: plan.widths[index]!, height: rows * BOX.row - (BOX.row - BOX.height), from: -1, to: -1, count: 0 });
    top += rows * BOX.row + BOX.gap;
  });
  for (const part of plan.parts) {
    const band = bands[part.line]!;
    if (band.from < 0) band.from = part.step;
    band.to = part.step;
    band.count += part.count;
    // The middle of each step stands on one line.
    const inset = ((plan.rows[part.line]! - part.rows) / 2) * BOX.row;
    for (let index = 0; index < part.count; index += 1) {
      const node = layers[part.step]![part.first + index]!;
      x[node] = part.x + Math.floor(index / part.rows) * BOX.tight;
      y[node] = band.y + inset + (index % part.rows) * BOX.row;
      line[node] = part.line;
    }
  }

  // The block of those without arrows: as wide as the rest, or as fits the view.
  let { width, height } = plan;
  if (alone.length) {
    const wanted = Math.ceil(Math.sqrt((alone.length * BOX.row * (view.width / view.height)) / BOX.tight));
    const across = Math.max(1, Math.min(alone.length, Math.max(wanted, Math.floor((width + BOX.tight - BOX.width) / BOX.tight))));
    const down = Math.ceil(alone.length / across);
    alone.forEach((node, index) => {
      [x[node], y[node]] = [(index % across) * BOX.tight, top + Math.floor(index / across) * BOX.row];
      [place[node], line[node]] = [index, bands.length];
    });
    const band = { x: 0, y: top, width: (across - 1) * BOX.tight + BOX.width, height: (down - 1) * BOX.row + BOX.height, from: -1, to: -1, count: alone.length };
    bands.push(band);
    [width, height] = [Math.max(width, band.width), top + band.height];
  }
  return { x, y, layer, place, line, bands, width: Math.max(BOX.width, width), height: Math.max(BOX.height, height) };
}

/** How large it is drawn when all of it is in view. */
const zoomOf = (plan: Plan, view: View): number => Math.min(view.width / Math.max(1, plan.width), view.height / Math.max(1, plan.height));

/** The steps in one strip while that can be read, else in the lines that are drawn largest. */
function arrange(sizes: readonly number[], view: View): Plan {
  const strip = flow(sizes, MOST_ROWS, Infinity);
  let best = strip;
  if (zoomOf(strip, view) >= READABLE) return strip;
  for (const most of ROWS) {
    const whole = flow(sizes, most, Infinity);
    let last = 0;
    for (let lines = 1; lines <= 300; lines = Math.max(lines + 1, Math.round(lines * 1.18))) {
      const plan = lines === 1 ? whole : flow(sizes, most, Math.max(BOX.width, whole.width / lines));
      const zoom = zoomOf(plan, view);
      if (zoom > zoomOf(best, view)) best = plan;
      // It grows until it is as high as the view, and then only shrinks.
      if (zoom < last * 0.8) break;
      last = Math.max(last, zoom);
    }
  }
  return zoomOf(best, view) > zoomOf(strip, view) * 1.25 ? best : strip;
}

/** Puts the steps beside each other, columns of at most `most` boxes, and begins a new line where `room` is used up. */
function flow(sizes: readonly number[], most: number, room: number): Plan {
  const parts: Part[] = [];
  const rows: number[] = [];
  const widths: number[] = [];
  let [line, x] = [0, 0];
  const put = (step: number, first: number, count: number, high: number, columns: number) => {
    parts.push({ step, first, count, rows: high, line, x });
    rows[line] = Math.max(rows[line] ?? 0, high);
    widths[line] = x + (columns - 1) * BOX.tight + BOX.width;
    x += (columns - 1) * BOX.tight + BOX.column;
  };
  sizes.forEach((size, step) => {
    let columns = Math.ceil(size / most);
    const high = Math.ceil(size / Math.max(1, columns));
    columns = Math.ceil(size / Math.max(1, high));
    const fits = (at: number) => Math.floor((room - at - BOX.width) / BOX.tight) + 1;
    if (x > 0 && fits(x) < columns) [line, x] = [line + 1, 0];
    for (let first = 0; first < size; ) {
      const here = Math.max(1, Math.min(columns, fits(x)));
      const count = Math.min(size - first, here * high);
      put(step, first, count, high, here);
      first += count;
      columns -= here;
      if (first < size) [line, x] = [line + 1, 0];
    }
  });
  const height = rows.reduce((sum, high) => sum + high * BOX.row, 0) + Math.max(0, rows.length - 1) * BOX.gap - (rows.length ? BOX.row - BOX.height : 0);
  return { parts, rows, widths, width: widths.reduce((most, width) => Math.max(most, width), 0), height: Math.max(0, height) };
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
