// A file on its way to the server: with its digest, so that only these bytes are stored, and with progress, which fetch
// does not tell of.
import { changeHeaders, problemIn, ProblemError, signedOut, type Schemas } from '$lib/api/client';

/** The most that the server takes. */
export const MOST_BYTES = 64 << 20;

export interface Wanted {
  mission: string;
  name: string;
  task: string;
  /** Ids of overlapping texts that were seen. */
  seen: readonly string[];
}

/** SHA-256 in hex; `null` where the browser has no means for it (a page that is neither HTTPS nor local). */
async function digest(file: Blob): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Media types of what browsers do not know by its name's ending. */
const TYPES: Record<string, string> = { md: 'text/markdown', markdown: 'text/markdown', log: 'text/plain', toml: 'text/plain', yaml: 'text/yaml', yml: 'text/yaml', diff: 'text/x-diff', patch: 'text/x-diff', jsonl: 'application/jsonl', rs: 'text/plain', sh: 'text/plain' };
export const mediaType = (file: { name: string; type: string }): string => file.type || TYPES[file.name.split('.').at(-1)?.toLowerCase() ?? ''] || 'application/octet-stream';

/** Sends a file; again with the same key it is stored once. */
export async function upload(file: File, wanted: Wanted, key: string, progress: (share: number) => void, signal: AbortSignal): Promise<Schemas['ArtifactAnswer']> {
  const sha256 = await digest(file);
  signal.throwIfAborted();
  const query = new URLSearchParams({ mission: wanted.mission, name: wanted.name });
  if (wanted.task) query.set('task', wanted.task);
  if (sha256) query.set('sha256', sha256);
  if (wanted.seen.length) query.set('acknowledge_overlap', wanted.seen.join(','));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/artifacts?${query}`);
    for (const [name, value] of Object.entries({ ...changeHeaders(), 'idempotency-key': key, 'content-type': mediaType(file) })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(JSON.parse(request.responseText) as Schemas['ArtifactAnswer']);
      if (request.status === 401) signedOut();
      reject(new ProblemError(problemIn(request.responseText, request.status, request.getResponseHeader('x-request-id'))));
    };
    request.onerror = () => reject(new TypeError('the request or its answer was lost'));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
