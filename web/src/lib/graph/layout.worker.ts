// Layout beside the page, so that typing and scrolling go on meanwhile.
import { layout } from './layout';

self.onmessage = ({ data }: MessageEvent<{ turn: number; count: number; edges: Int32Array }>) => {
  const placed = layout(data.count, data.edges);
  self.postMessage({ turn: data.turn, placed }, { transfer: [placed.x.buffer, placed.y.buffer, placed.layer.buffer] });
};
