// Typed text outlives a reload and a lost connection, in this tab only.
export function draft<T extends object>(name: string, empty: T): { value: T; clear: () => void } {
  const key = `mc.draft.${name}`;
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
    }
  };
}
