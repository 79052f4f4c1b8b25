// The worker that all pages of a browser share.
import { Hub } from './hub';

const hub = new Hub({ talks: 2 });
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) => {
  if (port) hub.connect(port);
};
