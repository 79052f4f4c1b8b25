import type { Role } from '$lib/api/client';
import type { IconName } from '$lib/ui/Icon.svelte';

export interface Place {
  path: string;
  title: string;
  icon: IconName;
  /** After `g`. */
  key: string;
  /** Who is shown it; everybody without. */
  role?: Role;
}

/** What can be gone to. What does not exist is not shown. */
export const PLACES: Place[] = [
  { path: '/', title: 'Home', icon: 'home', key: 'h' },
  { path: '/approvals', title: 'Approvals', icon: 'approvals', key: 'a' },
  { path: '/missions', title: 'Missions', icon: 'missions', key: 'm' },
  { path: '/sessions', title: 'Sessions', icon: 'sessions', key: 's' },
  { path: '/docs', title: 'Docs & artifacts', icon: 'docs', key: 'd' },
  { path: '/nodes', title: 'Nodes', icon: 'nodes', key: 'n' },
  { path: '/search', title: 'Search', icon: 'search', key: 'f' },
  { path: '/ledger', title: 'Ledger', icon: 'ledger', key: 'l' },
  { path: '/admin', title: 'Admin', icon: 'people', key: 'p', role: 'admin' },
  { path: '/settings', title: 'Settings', icon: 'settings', key: ',' }
];
