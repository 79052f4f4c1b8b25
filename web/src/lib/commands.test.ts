// Renders every command that the UI shows into `commands.txt`, which the tests of `mc` read with its own grammar
// (mc-cli/src/args/tests.rs), and looks for commands that are written anywhere else.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cmd, joinCommand, word } from './commands';

const NASTY = "it's -- \"$(rm)\" `x`; 100 %\nnext";
type Samples = { [Name in keyof typeof cmd]: Parameters<(typeof cmd)[Name]>[] };
const samples: Samples = {
  missions: [[]], apply: [['examples/apollo.yaml']], createMission: [[''], ['apollo', NASTY]], describeMission: [['apollo']], pauseMission: [['apollo']], resumeMission: [['apollo']],
  createKluster: [['apollo', ''], ['apollo', 'survey', 'claude', '-x']],
  setOverlap: [['apollo', null, null], ['apollo', 'survey', { mode: 'suggest' }], ['apollo', 'survey', { mode: 'require_ack', acknowledge_at_percent: 60 }], ['apollo', null, { mode: 'block', acknowledge_at_percent: 60, block_at_percent: 90 }]],
  setCapacity: [['apollo', 'survey', 3], ['apollo', 'survey', null]], publicationPolicy: [['apollo'], ['apollo', 'policy.yaml']],
  tasks: [['apollo'], ['apollo', 'survey']], watchTasks: [['apollo', 'survey']], counts: [[], ['apollo']],
  createTask: [[{ mission: 'apollo', kluster: 'survey', title: '' }], [{ mission: 'apollo', kluster: 'survey', title: NASTY, name: 'frame-parser', description: '-dash', done: 'seen', paths: ['src/**', 'docs/a b.md'], priority: 80, runtime: 'codex', gates: 2, depends: ['apollo-1', 'apollo-2'], labels: { area: 'moon', 'team/part': 'b c' }, seen: ['task_1', 'task_2'] }]],
  describeTask: [['apollo-1']], editTask: [['apollo-1']], setPriority: [['apollo-1', 80]], why: [['apollo-1']],
  moveTask: (['block', 'unblock', 'retry', 'accept', 'reject', 'cancel'] as const).flatMap((verb): Samples['moveTask'] => [[{ key: 'apollo-1' }, verb], [{ key: 'apollo-1' }, verb, NASTY]]),
  publishTask: [['apollo', 'apollo-1']], acceptOverlap: [['ovl_1', 'link'], ['ovl_1', 'merge'], ['ovl_1', 'wait']], dismissOverlap: [['ovl_1', ''], ['ovl_1', '-not']], history: [['task', 'task_1']],
  sessions: [[]], createSession: [['', ''], ['apollo', 'claude'], ['apollo', '', 'apollo-1']], attach: [['ses_1']], logs: [['ses_1']], conversation: [['ses_1']], prompt: [['ses_1', ''], ['ses_1', NASTY], ['ses_1', '-y']],
  dequeue: [['turn_1']], cancelTurn: [['ses_1']], stopSession: [['ses_1']], mode: [['ses_1', 'plan']], decideSession: [['ses_1', 'retry'], ['ses_1', 'new_session']],
  approvals: [[]], approve: [['apr_1'], [['apr_1', 'apr_2'], NASTY], ['apr_1', '-n', 'ab'.repeat(32), 'allow_always'], [[`apr_1=${'ab'.repeat(32)}`, `apr_2=${'cd'.repeat(32)}`]]], reject: [['apr_1'], [['apr_1', 'apr_2'], '-n'], ['apr_1', '', 'ab'.repeat(32), 'reject_always']],
  getDoc: [['apollo', 'rules'], ['apollo', 'rules', 2]], putDoc: [['', ''], ['apollo', 'rules', 2, NASTY]], docVersions: [['apollo', 'rules']], diffDoc: [['apollo', 'rules', 1, 2]], publishDoc: [['apollo', 'rules', 2]], docToGit: [['apollo', 'rules']], putArtifact: [[''], ['apollo'], ['apollo', 'plan b.md', NASTY, 'apollo-1', ['art_1', 'doc_2']]], download: [['art_1']],
  nodes: [[]], describeNode: [['builder']], cordon: [['builder']], uncordon: [['builder']], drain: [['builder']], joinToken: [[]], revokeJoin: [['jt_1']], listen: [[]],
  principals: [[], ['apollo']], createPrincipal: [['', 'user', ''], ['ann', 'service_account', 'viewer']], setRole: [['ann', 'admin'], ['ann', null], ['ann', 'viewer', 'apollo'], ['ann', null, 'apollo']], login: [[]], loginAs: [[''], ['ann']], logins: [[false], [true]], revoke: [['tok_1']], grants: [[]], expel: [['ann']], logoutEverywhere: [[]],
  search: [[''], [NASTY], ['-x y', { mission: 'apollo' }], ['crater', { mission: 'apollo', kluster: 'survey', kind: 'task', state: 'ready', labels: 'area=moon,urgent', since: '2026-01-31T12:00:00.000Z', until: '2026-02-28T12:00:00.000Z' }]], verify: [[]], log: [[], [{ mission: 'apollo', subject: 'task_1', action: 'task.create,task.claim', actor: 'ann', kind: 'task', since: '24' }]], publications: [[]], retryPublication: [['pub_1']], withdrawPublication: [['pub_1']], doctor: [[]]
};

describe('commands', () => {
  it('are quoted for a shell', () => {
    expect([word('a-b/c_1.2:3'), word(''), word("it's"), word('$(x)'), word('a b')]).toEqual(['a-b/c_1.2:3', "''", "'it'\\''s'", "'$(x)'", "'a b'"]);
  });
  it('are as the grammar of mc is tested with', async () => {
    const lines = (Object.keys(samples) as (keyof Samples)[]).flatMap((name) => (samples[name] as unknown[][]).map((given) => (cmd[name] as (...given: unknown[]) => string)(...given)));
    expect(Object.keys(samples).sort()).toEqual(Object.keys(cmd).sort());
    await expect(`${lines.map((line) => line.replaceAll('\n', '⏎')).join('\n')}\n`).toMatchFileSnapshot('./commands.txt');
  });
  it('stand nowhere else', () => {
    const verbs = new Set(readFileSync('src/lib/commands.txt', 'utf8').split('\n').flatMap((line) => line.split(' ')[1] ?? []));
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.svelte'));
    expect(files.length).toBeGreaterThan(40);
    const found = files.flatMap((path) => [...readFileSync(join('src', path), 'utf8').matchAll(/(?<!\/\/.*)\bmc ([a-z]+)/g)].filter(([, verb]) => verbs.has(verb ?? '')).map(([text]) => `${path}: ${text}`));
    expect(found).toEqual([]);
  });
  it('join a machine with a token that only its owner can read', () => {
    expect(joinCommand('mcj_a', 'https://h.example:8009')).toBe('(umask 077; echo mcj_a > join-token) && mc-mesh run --state mesh-state --server https://h.example:8009 --join-token-file join-token');
  });
});
