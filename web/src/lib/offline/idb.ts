// What this browser keeps: writes that wait to be sent, and the names that are needed to write while offline. Never a token.
// Where IndexedDB is refused (private windows of some browsers), it is kept as long as the page.

export interface Store<T> {
  all(): Promise<T[]>;
  put(value: T): Promise<void>;
  remove(id: string): Promise<void>;
}

const TABLES = ['outbox', 'known'] as const;
type Table = (typeof TABLES)[number];

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the store of this browser failed'));
  });

let opening: Promise<IDBDatabase> | null = null;
function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('missioncontrol', 1);
    request.onupgradeneeded = () => {
      for (const name of TABLES) if (!request.result.objectStoreNames.contains(name)) request.result.createObjectStore(name, { keyPath: 'id' });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error ?? new Error('the store of this browser cannot be opened'));
    request.onblocked = () => reject(new Error('the store of this browser is held by another page'));
  });
  opening.catch(() => (opening = null));
  return opening;
}

/** Kept as long as the page. */
export function memory<T extends { id: string }>(): Store<T> {
  const held = new Map<string, T>();
  return {
    all: async () => [...held.values()].map((value) => structuredClone(value)),
    put: async (value) => void held.set(value.id, structuredClone(value)),
    remove: async (id) => void held.delete(id)
  };
}

/** Kept by the browser; `put` is answered when it is on disk. */
export function table<T extends { id: string }>(name: Table): Store<T> {
  const instead = memory<T>();
  const use = async <R>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest, or: () => Promise<R>): Promise<R> => {
    let database: IDBDatabase;
    try {
      database = await open();
    } catch {
      return or();
    }
    const transaction = database.transaction(name, mode, { durability: 'strict' });
    const whole = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the store of this browser failed'));
    });
    const found = (await done(act(transaction.objectStore(name)))) as R;
    await whole;
    return found;
  };
  return {
    all: () => use<T[]>('readonly', (store) => store.getAll(), instead.all),
    put: async (value) => void (await use<unknown>('readwrite', (store) => store.put(value), () => instead.put(value))),
    remove: async (id) => void (await use<unknown>('readwrite', (store) => store.delete(id), () => instead.remove(id)))
  };
}
