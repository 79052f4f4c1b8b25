// Every `mc` command that the UI shows, in one place: a test renders each of them into `commands.txt`, and the tests of
// `mc` read that file with its own grammar. So none of them can go stale.
import type { Role, Schemas, Task } from '$lib/api/client';
import type { Move } from '$lib/states';

/** One word of a shell, quoted where it must be. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

type Part = string | number | null | undefined | false | Part[];
const flat = (parts: readonly Part[]): string[] => parts.flatMap((part) => (Array.isArray(part) ? flat(part) : part === null || part === undefined || part === false ? [] : [word(String(part))]));
/** A command of these words; what is empty is left out. */
const mc = (...parts: Part[]): string => ['mc', ...flat(parts)].join(' ');
/** An option, left out without a value. What begins with a dash is not taken for another option. */
const option = (name: string, value: string | number | null | undefined): Part => (value === null || value === undefined || value === '' ? null : String(value).startsWith('-') ? `${name}=${value}` : [name, value]);
/** Words of a person at the end: they may begin with a dash. */
const free = (text: string): Part => (text.startsWith('-') ? ['--', text] : text);
/** A mission and, in it, a kluster. */
const within = (mission?: string | null, kluster?: string | null): Part => [option('-m', mission), option('-k', kluster)];
/** Labels as `mc` reads them. */
const pairs = (labels: Readonly<Record<string, string>> = {}): string => Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(',');

export interface NewTask {
  mission: string;
  kluster: string;
  title: string;
  name?: string;
  description?: string;
  done?: string;
  paths?: readonly string[];
  priority?: number;
  runtime?: string;
  gates?: number;
  depends?: readonly string[];
  labels?: Readonly<Record<string, string>>;
  seen?: readonly string[];
}
/** What a search is narrowed to; times as the API has them. */
export interface Narrowed {
  mission?: string;
  kluster?: string;
  kind?: string;
  state?: string;
  labels?: string;
  since?: string;
  until?: string;
}
type Policy = Schemas['OverlapPolicy'];

/** The deeds of the UI on the command line. Words in capitals are to be filled in. */
export const cmd = {
  // Missions and klusters
  missions: () => mc('get', 'missions'),
  apply: (file: string) => mc('apply', '-f', file),
  createMission: (name: string, description = '') => mc('create', 'mission', name || 'NAME', option('--description', description)),
  describeMission: (name: string) => mc('describe', 'mission', name),
  pauseMission: (name: string) => mc('pause', 'mission', name),
  resumeMission: (name: string) => mc('resume', 'mission', name),
  createKluster: (mission: string, name: string, runtime = '', description = '') => mc('create', 'kluster', name || 'NAME', within(mission), option('--runtime', runtime), option('--description', description)),
  setOverlap: (mission: string, kluster: string | null, policy: Policy | null) => mc('set', 'policy', 'overlap', within(mission, kluster), policy ? [option('--mode', policy.mode), option('--acknowledge-at', policy.acknowledge_at_percent), option('--block-at', policy.block_at_percent)] : '--inherit'),
  setCapacity: (mission: string, kluster: string, most: number | null) => mc('set', 'capacity', within(mission, kluster), most ?? '--none'),
  publicationPolicy: (mission: string, file?: string) => mc('persistence', 'policy', within(mission), option('-f', file)),
  // Tasks
  tasks: (mission: string, kluster?: string) => mc('get', 'tasks', within(mission, kluster)),
  watchTasks: (mission: string, kluster: string) => mc('watch', 'tasks', within(mission, kluster)),
  counts: (mission?: string) => mc('task', 'counts', within(mission), mission ? ['--by', 'kluster'] : null),
  createTask: (task: NewTask) => mc('create', 'task', within(task.mission, task.kluster), option('--title', task.title || 'TITLE'), option('--name', task.name), option('--description', task.description), option('--definition-of-done', task.done), task.priority !== undefined && task.priority !== 50 && option('--priority', task.priority), option('--runtime', task.runtime), task.gates ? option('--review-gates', task.gates) : null, (task.paths ?? []).map((path) => option('--path', path)), (task.depends ?? []).map((key) => option('--depends-on', key)), option('--labels', pairs(task.labels)), task.seen?.length ? ['--acknowledge-overlap', task.seen.join(',')] : null),
  describeTask: (key: string) => mc('describe', 'task', key),
  editTask: (key: string) => mc('edit', 'task', key),
  setPriority: (key: string, priority: number) => mc('set', 'priority', key, priority),
  why: (key: string) => mc('why', 'task', key),
  moveTask: (task: Pick<Task, 'key'>, verb: Move['verb'], note = '') => mc('task', verb, task.key, option('--note', note)),
  publishTask: (mission: string, key: string) => mc('publish', `task/${key}`, within(mission)),
  acceptOverlap: (id: string, as: string) => mc('overlap', 'accept', id, '--as', as),
  dismissOverlap: (id: string, reason: string) => mc('overlap', 'dismiss', id, option('--reason', reason || 'WHY')),
  history: (kind: string, id: string) => mc('ledger', 'history', kind, id),
  // Agent sessions
  sessions: () => mc('get', 'sessions', '-A'),
  createSession: (mission: string, runtime: string, task?: string) => mc('create', 'session', within(mission || 'MISSION'), task ? option('--task', task) : option('--runtime', runtime || 'RUNTIME')),
  attach: (id: string) => mc('attach', id),
  logs: (id: string) => mc('logs', id),
  conversation: (id: string) => mc('session', 'conversation', id),
  prompt: (id: string, text: string) => mc('prompt', id, free(text || 'TEXT')),
  dequeue: (turn: string) => mc('session', 'dequeue', turn),
  cancelTurn: (id: string) => mc('session', 'cancel', id),
  stopSession: (id: string) => mc('session', 'stop', id),
  mode: (id: string, mode: string) => mc('session', 'mode', id, mode),
  decideSession: (id: string, decision: Schemas['SessionDecision']) => mc('session', 'decide', id, decision),
  // Approvals
  approvals: () => mc('get', 'approvals', '-A'),
  approve: (ids: string | readonly string[], note = '', digest?: string | null, chosen?: string) => mc('approve', [...[ids].flat()], option('--option', chosen), option('--note', note), option('--action-sha256', digest)),
  reject: (ids: string | readonly string[], note = '', digest?: string | null, chosen?: string) => mc('reject', [...[ids].flat()], option('--option', chosen), option('--note', note), option('--action-sha256', digest)),
  // Docs and artifacts
  getDoc: (mission: string, name: string, version?: number) => mc('doc', 'get', name, within(mission), option('--version', version)),
  putDoc: (mission: string, name: string, base?: number, note = '') => mc('doc', 'put', name || 'NAME', '--file', 'FILE', within(mission || 'MISSION'), option('--base', base), option('--note', note)),
  docVersions: (mission: string, name: string) => mc('doc', 'versions', name, within(mission)),
  diffDoc: (mission: string, name: string, from: number, to: number) => mc('doc', 'diff', name, within(mission), '--from', from, '--to', to),
  publishDoc: (mission: string, name: string, version: number) => mc('doc', 'publish', name, within(mission), '--version', version),
  docToGit: (mission: string, name: string) => mc('publish', `doc/${name}`, within(mission)),
  putArtifact: (mission: string, file = '', name = '', task = '', seen: readonly string[] = []) => mc('artifact', 'put', file || 'FILE', within(mission || 'MISSION'), name !== file && option('--name', name), option('--task', task), seen.length ? ['--acknowledge-overlap', seen.join(',')] : null),
  download: (id: string) => mc('artifact', 'download', id),
  // Nodes
  nodes: () => mc('get', 'nodes'),
  describeNode: (name: string) => mc('describe', 'node', name),
  cordon: (name: string) => mc('node', 'cordon', name),
  uncordon: (name: string) => mc('node', 'uncordon', name),
  drain: (name: string) => mc('node', 'drain', name),
  joinToken: () => mc('node', 'token', 'create'),
  revokeJoin: (id: string) => mc('node', 'token', 'revoke', id),
  listen: () => mc('up', '--grpc', '0.0.0.0:8009'),
  // People, tokens
  principals: (mission?: string) => mc('get', 'principals', within(mission)),
  createPrincipal: (name: string, kind: string, role: Role | '') => mc('create', 'principal', name || 'NAME', '--kind', kind, option('--role', role)),
  setRole: (name: string, role: Role | null, mission?: string | null) => mc('set', 'role', name, role ?? '--none', within(mission)),
  login: () => mc('auth', 'login'),
  loginAs: (name: string) => mc('auth', 'login', '--as', name || 'NAME'),
  logins: (all: boolean) => mc('auth', 'logins', all && '--all'),
  revoke: (id: string) => mc('auth', 'revoke', id),
  grants: () => mc('auth', 'grants'),
  expel: (name: string) => mc('auth', 'expel', name),
  logoutEverywhere: () => mc('auth', 'logout', '--everywhere'),
  // Search, ledger, system
  search: (query: string, by: Narrowed = {}) => mc('search', by.mission ? within(by.mission, by.kluster) : '-A', option('--kind', by.kind), option('--state', by.state), option('--labels', by.labels), option('--since', by.since), option('--until', by.until), free(query || 'WORDS')),
  verify: () => mc('ledger', 'verify'),
  log: (asked: { mission?: string; subject?: string; action?: string; actor?: string; kind?: string; since?: string } = {}) => mc('ledger', 'log', '--newest-first', '--tail', 20, within(asked.mission), option('--subject', asked.subject), option('--action', asked.action), option('--by', asked.actor), option('--kind', asked.kind), asked.since ? option('--since', `${asked.since}h`) : null),
  publications: () => mc('get', 'publications', '-A'),
  retryPublication: (id: string) => mc('publish', 'retry', id),
  withdrawPublication: (id: string) => mc('publish', 'withdraw', id),
  doctor: () => mc('system', 'doctor')
};

/** What is pasted on a machine that is to be a node. The token is in a file that only its owner reads. */
export const joinCommand = (token: string, server: string): string => `(umask 077; echo ${word(token)} > join-token) && mc-mesh run --state mesh-state --server ${word(server)} --join-token-file join-token`;

/** Where the token of an installation is kept, for whoever started it. */
export const TOKEN_COMMAND = 'cat ~/.local/share/missioncontrol/token';
