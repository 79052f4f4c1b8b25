// Drawing of a graph on a canvas. While the picture is moved, what was drawn is moved and scaled as it is; it is drawn anew
// when it stands still, or when it no longer covers what is seen. So a frame costs the same for ten and for ten thousand.
// From far away a task is a bar of its colour and lines of steps are named at their left; arrows of many tasks would be a
// grey veil there, so only those of the chosen task are drawn.
import type { Tone } from '$lib/states';
import { BOX, type Placed } from './layout';

export interface Camera {
  /** Of the drawing, what stands in the middle of the view. */
  x: number;
  y: number;
  /** Pixels of the page for one unit. */
  zoom: number;
}

export interface Dot {
  key: string;
  title: string;
  tone: Tone;
  state: string;
  /** Of another kluster. */
  foreign: boolean;
}

export interface Palette {
  ground: string;
  panel: string;
  line: string;
  edge: string;
  text: string;
  faint: string;
  accent: string;
  tones: Record<Tone, string>;
  font: string;
  mono: string;
}

const CELL = 512;
/** What is drawn beside the view, so that it can be moved a little: a share of the view at each side. */
const MARGIN = 0.4;
export const ZOOM = { least: 0.008, most: 2.5 } as const;
/** Left of the lines, in pixels, for their names. */
export const NAMES = 56;
/** Farther than this, a graph of more arrows than this shows those of the chosen task only. */
const FAR = { zoom: 0.2, arrows: 3_000 } as const;

export class Scene {
  dots: readonly Dot[] = [];
  placed: Placed | null = null;
  edges = new Int32Array(0);
  chosen = -1;
  /** What the chosen one hangs together with; the rest stands back. */
  lit: ReadonlySet<number> = new Set();
  /** Only tasks of this state stand out. */
  only: string | null = null;
  palette!: Palette;
  /** Frames that were drawn anew; for measurements. */
  redrawn = 0;
  #cells = new Map<number, number[]>();
  #picture = document.createElement('canvas');
  #of: Camera | null = null;
  #fine = false;
  #width = 0;
  #height = 0;
  #scale = 1;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  resize(width: number, height: number): void {
    this.#scale = Math.min(2, devicePixelRatio || 1);
    [this.#width, this.#height] = [width, height];
    this.canvas.width = Math.round(width * this.#scale);
    this.canvas.height = Math.round(height * this.#scale);
    this.#picture.width = Math.round(this.canvas.width * (1 + 2 * MARGIN));
    this.#picture.height = Math.round(this.canvas.height * (1 + 2 * MARGIN));
    this.stale();
  }

  place(dots: readonly Dot[], edges: Int32Array, placed: Placed): void {
    [this.dots, this.edges, this.placed] = [dots, edges as Int32Array<ArrayBuffer>, placed];
    this.#cells.clear();
    for (let node = 0; node < dots.length; node += 1) {
      const cell = this.#cell(placed.x[node]!, placed.y[node]!);
      const held = this.#cells.get(cell);
      if (held) held.push(node);
      else this.#cells.set(cell, [node]);
    }
    this.stale();
  }

  /** What was drawn is not current any more. */
  stale(): void {
    this.#of = null;
  }

  #cell = (x: number, y: number) => Math.floor(x / CELL) * 100_000 + Math.floor(y / CELL);

  /** Nodes that may be seen between two corners. */
  #within(left: number, top: number, right: number, bottom: number): number[] {
    const found: number[] = [];
    const [fromX, toX, fromY, toY] = [Math.floor((left - BOX.width) / CELL), Math.floor(right / CELL), Math.floor((top - BOX.height) / CELL), Math.floor(bottom / CELL)];
    if ((toX - fromX) * (toY - fromY) > this.#cells.size) for (const nodes of this.#cells.values()) found.push(...nodes);
    else for (let x = fromX; x <= toX; x += 1) for (let y = fromY; y <= toY; y += 1) found.push(...(this.#cells.get(x * 100_000 + y) ?? []));
    return found;
  }

  /** The node at a point of the view. */
  hit(camera: Camera, px: number, py: number): number {
    const placed = this.placed;
    if (!placed) return -1;
    const x = camera.x + (px - this.#width / 2) / camera.zoom;
    const y = camera.y + (py - this.#height / 2) / camera.zoom;
    // A finger, or boxes of two pixels: what is near counts.
    const near = Math.min(40, 5 / camera.zoom);
    let [best, least] = [-1, near];
    for (const node of this.#within(x - near, y - near, x + near, y + near)) {
      const dx = Math.max(placed.x[node]! - x, 0, x - placed.x[node]! - BOX.width);
      const dy = Math.max(placed.y[node]! - y, 0, y - placed.y[node]! - BOX.height);
      const far = Math.hypot(dx, dy);
      if (far < least || far === 0) [best, least] = [node, far];
      if (far === 0) break;
    }
    return best;
  }

  /** Whether arrows are left out because it is looked at from far away. */
  hushed(camera: Camera): boolean {
    return camera.zoom < FAR.zoom && this.edges.length / 2 > FAR.arrows;
  }

  /** One frame. `moving`: the picture that is there is good enough where it covers the view. */
  frame(camera: Camera, moving: boolean): void {
    const of = this.#of;
    const ratio = of ? camera.zoom / of.zoom : 0;
    const covers = of !== null && ratio > 0.72 && ratio < 2.2 &&
      Math.abs(camera.x - of.x) * of.zoom + (this.#width / 2) / ratio <= this.#width * (0.5 + MARGIN) + 1 &&
      Math.abs(camera.y - of.y) * of.zoom + (this.#height / 2) / ratio <= this.#height * (0.5 + MARGIN) + 1;
    if (!covers || (!moving && (ratio !== 1 || !this.#fine))) {
      this.#draw(camera, moving);
      this.#of = { ...camera };
      this.#fine = !moving;
    }
    const from = this.#of!;
    const scale = camera.zoom / from.zoom;
    const context = this.canvas.getContext('2d', { alpha: false })!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.palette.ground;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [width, height] = [this.#picture.width * scale, this.#picture.height * scale];
    context.imageSmoothingQuality = 'low';
    context.drawImage(this.#picture, this.canvas.width / 2 - width / 2 + (from.x - camera.x) * camera.zoom * this.#scale, this.canvas.height / 2 - height / 2 + (from.y - camera.y) * camera.zoom * this.#scale, width, height);
  }

  #draw(camera: Camera, rough: boolean): void {
    const placed = this.placed;
    const context = this.#picture.getContext('2d', { alpha: false })!;
    const { palette } = this;
    this.redrawn += 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, this.#picture.width, this.#picture.height);
    if (!placed) return;
    const zoom = camera.zoom * this.#scale;
    const [halfX, halfY] = [this.#picture.width / 2 / zoom, this.#picture.height / 2 / zoom];
    const seen = this.#within(camera.x - halfX, camera.y - halfY, camera.x + halfX, camera.y + halfY);
    const px = (x: number) => (x - camera.x + halfX) * zoom;
    const py = (y: number) => (y - camera.y + halfY) * zoom;
    this.#lines(context, placed, px, py, zoom);
    this.#arrows(context, placed, px, py, zoom, rough, this.hushed(camera));

    const [width, height] = [BOX.width * zoom, BOX.height * zoom];
    const back = (node: number) => (this.lit.size > 0 && !this.lit.has(node)) || (this.only !== null && this.dots[node]!.state !== this.only);
    if (width < 34) {
      // Too small for words: a box of its colour.
      const byTone = new Map<Tone, number[]>();
      for (const node of seen) {
        const tone = this.dots[node]!.tone;
        const held = byTone.get(tone);
        if (held) held.push(node);
        else byTone.set(tone, [node]);
      }
      for (const [tone, nodes] of byTone) {
        context.fillStyle = palette.tones[tone];
        for (const node of nodes) {
          context.globalAlpha = back(node) ? 0.16 : 1;
          context.fillRect(px(placed.x[node]!), py(placed.y[node]!), Math.max(1.5, width), Math.max(1.5, height));
        }
      }
      context.globalAlpha = 1;
    } else for (const node of seen) this.#box(context, node, px(placed.x[node]!), py(placed.y[node]!), width, height, zoom, back(node));
    if (this.chosen >= 0 && this.chosen < this.dots.length) {
      context.strokeStyle = palette.accent;
      context.lineWidth = 2 * this.#scale;
      context.strokeRect(px(placed.x[this.chosen]!) - 3, py(placed.y[this.chosen]!) - 3, Math.max(4, width) + 6, Math.max(4, height) + 6);
    }
  }

  /** A ground for each line of steps, and its name beside it. */
  #lines(context: CanvasRenderingContext2D, placed: Placed, px: (x: number) => number, py: (y: number) => number, zoom: number): void {
    if (placed.bands.length < 2) return;
    const { palette } = this;
    const scale = this.#scale;
    const pad = Math.min(BOX.gap * 0.36 * zoom, 10 * scale);
    let free = -Infinity;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.font = `500 ${11 * scale}px ${palette.font}`;
    for (const band of placed.bands) {
      const [x, y, width, height] = [px(band.x), py(band.y), band.width * zoom, band.height * zoom];
      if (y > this.#picture.height || y + height < 0) continue;
      context.fillStyle = palette.panel;
      context.beginPath();
      context.roundRect(x - pad, y - pad, width + 2 * pad, height + 2 * pad, Math.min(6 * scale, pad));
      context.fill();
      // A name where it has room under the one before.
      const middle = Math.max(y + height / 2, y + 6 * scale);
      if (middle - 7 * scale < free) continue;
      free = middle + 7 * scale;
      context.fillStyle = palette.faint;
      context.fillText(band.from < 0 ? 'free' : band.from === band.to ? `${band.from + 1}` : `${band.from + 1}–${band.to + 1}`, x - pad - 6 * scale, middle);
    }
    context.textAlign = 'left';
    context.textBaseline = 'alphabetic';
  }

  #arrows(context: CanvasRenderingContext2D, placed: Placed, px: (x: number) => number, py: (y: number) => number, zoom: number, rough: boolean, hushed: boolean): void {
    const { edges } = this;
    const [right, bottom] = [this.#picture.width, this.#picture.height];
    const most = rough ? 2_500 : 24_000;
    const fine = zoom > 0.35 * this.#scale;
    const own = (from: number, to: number) => this.chosen >= 0 && (from === this.chosen || to === this.chosen);
    // Where both hang together with the chosen one.
    const related = (from: number, to: number) => this.lit.size > 0 && this.lit.has(from) && this.lit.has(to);
    const head = (x: number, y: number) => {
      context.moveTo(x - 5 * zoom, y - 3 * zoom);
      context.lineTo(x, y);
      context.lineTo(x - 5 * zoom, y + 3 * zoom);
    };
    const lines = (wanted: (from: number, to: number) => boolean, whole: boolean) => {
      context.beginPath();
      let drawn = 0;
      for (let at = 0; at + 1 < edges.length && drawn < most; at += 2) {
        const [from, to] = [edges[at]!, edges[at + 1]!];
        if (!wanted(from, to)) continue;
        const x1 = px(placed.x[from]! + BOX.width);
        const x2 = px(placed.x[to]!);
        const y1 = py(placed.y[from]! + BOX.height / 2);
        const y2 = py(placed.y[to]! + BOX.height / 2);
        const turns = placed.line[from] !== placed.line[to];
        if (turns && !whole) {
          // It goes on in another line: a stub says so at each end.
          if (!fine) continue;
          const stub = 16 * zoom;
          if (x1 > -stub && x1 < right && y1 > 0 && y1 < bottom) { context.moveTo(x1, y1); context.lineTo(x1 + stub, y1); context.lineTo(x1 + stub, y1 + stub * 0.6); drawn += 1; }
          if (x2 > 0 && x2 < right + stub && y2 > 0 && y2 < bottom) { context.moveTo(x2 - stub, y2 - stub * 0.6); context.lineTo(x2 - stub, y2); context.lineTo(x2, y2); head(x2, y2); drawn += 1; }
          continue;
        }
        if ((x1 < 0 && x2 < 0) || (x1 > right && x2 > right) || (y1 < 0 && y2 < 0) || (y1 > bottom && y2 > bottom)) continue;
        context.moveTo(x1, y1);
        if (fine || (turns && whole)) {
          const bend = turns ? Math.max(60 * zoom, Math.min(Math.abs(x2 - x1) / 3, 400 * zoom)) : Math.max(18 * zoom, (x2 - x1) / 2);
          context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
          if (fine) head(x2, y2);
        } else context.lineTo(x2, y2);
        drawn += 1;
      }
      context.stroke();
    };
    // Hairlines are what a browser without a graphics card draws fastest.
    context.lineWidth = fine ? 1.2 * this.#scale : 1;
    if (!hushed) {
      context.strokeStyle = this.palette.edge;
      context.globalAlpha = (fine ? 1 : 0.55) * (this.chosen >= 0 || this.only ? 0.4 : 1);
      lines((from, to) => !own(from, to), false);
    }
    if (this.chosen >= 0) {
      context.strokeStyle = this.palette.accent;
      context.globalAlpha = 0.35;
      lines((from, to) => related(from, to) && !own(from, to), !fine);
      context.globalAlpha = 1;
      context.lineWidth = 1.8 * this.#scale;
      lines(own, true);
    }
    context.globalAlpha = 1;
  }

  #box(context: CanvasRenderingContext2D, node: number, x: number, y: number, width: number, height: number, zoom: number, back: boolean): void {
    const dot = this.dots[node]!;
    const { palette } = this;
    context.globalAlpha = back ? 0.4 : 1;
    context.fillStyle = palette.panel;
    context.strokeStyle = palette.line;
    context.lineWidth = this.#scale;
    if (dot.foreign) context.setLineDash([4 * zoom, 3 * zoom]);
    context.beginPath();
    context.roundRect(x, y, width, height, 5 * zoom);
    context.fill();
    context.stroke();
    if (dot.foreign) context.setLineDash([]);
    context.fillStyle = palette.tones[dot.tone];
    context.fillRect(x, y + height * 0.18, 3 * zoom, height * 0.64);
    if (width > 84 * this.#scale) {
      context.save();
      context.beginPath();
      context.rect(x, y, width - 6 * zoom, height);
      context.clip();
      context.fillStyle = palette.text;
      context.font = `500 ${12 * zoom}px ${palette.font}`;
      context.fillText(dot.title, x + 10 * zoom, y + 17 * zoom);
      context.fillStyle = palette.faint;
      context.font = `${10.5 * zoom}px ${palette.mono}`;
      context.fillText(`${dot.key}  ${dot.state}`, x + 10 * zoom, y + 32 * zoom);
      context.restore();
    }
    context.globalAlpha = 1;
  }
}
