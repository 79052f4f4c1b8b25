// Layout beside the page, so that typing and scrolling go on meanwhile.
import { layout, type View } from './layout';

self.onmessage = ({ data }: MessageEvent<{ turn: number; count: number; edges: Int32Array; view: View }>) => {
  const placed = layout(data.count, data.edges, data.view);
  self.postMessage({ turn: data.turn, placed }, { transfer: [placed.x.buffer, placed.y.buffer, placed.layer.buffer, placed.place.buffer, placed.line.buffer] });
};
