// A small store in the browser for what never changes once made: placeholders and finished transcripts. It belongs to
// the signed-in user and is emptied at sign-out. Where the browser has none (private windows), nothing is kept.

const NAME = "smmu";
const STORE = "kept";

let opened: Promise<IDBDatabase | undefined> | undefined;

function open(): Promise<IDBDatabase | undefined> {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
      request.onblocked = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
  return opened;
}

async function within<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  const database = await open();
  if (!database) return undefined;
  return new Promise((resolve) => {
    try {
      const request = use(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
}

export const kept = <T>(key: string): Promise<T | undefined> =>
  within("readonly", (store) => store.get(key) as IDBRequest<T>);

export const keep = (key: string, value: unknown): Promise<unknown> =>
  within("readwrite", (store) => store.put(value, key));

/** Forgets everything about a media. */
export const discard = (mediaId: string): Promise<unknown> =>
  within("readwrite", (store) => store.delete(IDBKeyRange.bound(`${mediaId}/`, `${mediaId}/\uffff`)));

export const discardAll = (): Promise<unknown> => within("readwrite", (store) => store.clear());
