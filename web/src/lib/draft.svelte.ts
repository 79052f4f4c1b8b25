// Typed text outlives a reload and a lost connection, in this tab only, until whoever typed it logs out.
const PREFIX = 'mc.draft.';
const OWNER = 'mc.drafts-of';

/** Drops what was typed here, all of it. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  } catch {
    // Where nothing can be kept, nothing is.
  }
}

/** Says who types here: what somebody else typed in this tab is dropped. */
export function draftsOf(principal: string): void {
  try {
    if (sessionStorage.getItem(OWNER) === principal) return;
    forgetDrafts();
    sessionStorage.setItem(OWNER, principal);
  } catch {
    // Where nothing can be kept, nothing is.
  }
}

export function draft<T extends object>(name: string, empty: T): { value: T; clear: () => void } {
  const key = PREFIX + name;
  let start = { ...empty };
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Partial<T> | null;
    if (kept && typeof kept === 'object') start = { ...empty, ...kept };
  } catch {
    // What was kept cannot be read: begin empty.
  }
  const state = $state({ value: start });
  $effect(() => {
    const text = JSON.stringify(state.value);
    try {
      sessionStorage.setItem(key, text);
    } catch {
      // It lives as long as the page then.
    }
  });
  return {
    get value() {
      return state.value as T;
    },
    set value(next: T) {
      state.value = next as typeof state.value;
    },
    clear() {
      state.value = { ...empty } as typeof state.value;
      try {
        // At once: what typed it may be gone by now.
        sessionStorage.removeItem(key);
      } catch {
        // Where nothing can be kept, nothing is.
      }
    }
  };
}
