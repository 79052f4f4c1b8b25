// What nobody approves by any way: an action that is not what its digest is of, and a grave one that was asked about once.
import { webcrypto } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, type Approval } from '$lib/api/client';
import { decide, decideAll, sha256, type Decision } from './approval';

const action = (kind: string, title = 'write survey.md') => JSON.stringify({ tool_call: { kind, title } });
const approval = async (text: string, of = text): Promise<Approval> => ({ id: 'apr_1', title: 'Write', approval_kind: 'agent_permission', action: text, action_sha256: await sha256(of) }) as Approval;
const sent: { path: string; body: unknown }[] = [];

beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal('crypto', webcrypto);
  vi.spyOn(api, 'POST').mockImplementation((async (path: string, { body }: { body: unknown }) => {
    sent.push({ path, body });
    return { data: path.endsWith('/decide') ? { items: [{ approval: 'apr_1', result: { state: 'approved' } }] } : { state: 'approved' } };
  }) as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});
const refused = { problem: { type: 'urn:missioncontrol:ui:not-approved' } };

describe('approving', () => {
  it('sends the digest of what was shown, and the option', async () => {
    const asked = await approval(action('edit'));
    expect(asked.action_sha256).toMatch(/^[0-9a-f]{64}$/);
    await decide({ approval: asked, verb: 'approve', option: 'allow_always' }, 'seen');
    expect(sent).toEqual([{ path: '/api/v1/approvals/{ref}/approve', body: { action_sha256: asked.action_sha256, note: 'seen', option: 'allow_always' } }]);
  });
  it.each([undefined, 'allow_always'])('of another action than the digest is of is not sent, with the option %s', async (option) => {
    const asked = await approval(action('edit', 'rm -rf /'), action('edit'));
    const decision: Decision = { approval: asked, verb: 'approve', sure: true, option };
    await expect(decide(decision, '')).rejects.toMatchObject(refused);
    await expect(decideAll([{ approval: await approval(action('read')), verb: 'approve' }, decision], '', 'key', () => {})).rejects.toMatchObject(refused);
    expect(sent).toEqual([]);
  });
  it.each([undefined, 'allow_always'])('of a grave deed is not sent before somebody is sure, with the option %s', async (option) => {
    const decision: Decision = { approval: await approval(action('delete')), verb: 'approve', option };
    await expect(decide(decision, '')).rejects.toMatchObject(refused);
    await expect(decideAll([decision], '', 'key', () => {})).rejects.toMatchObject(refused);
    expect(sent).toEqual([]);
    await decide({ ...decision, sure: true }, '');
    await decideAll([{ ...decision, sure: true }], '', 'key', () => {});
    expect(sent).toHaveLength(2);
  });
  it('alone is refused: the same is rejected', async () => {
    await decide({ approval: await approval(action('delete', 'rm -rf /'), action('delete')), verb: 'reject' }, '');
    expect(sent.map((one) => one.path)).toEqual(['/api/v1/approvals/{ref}/reject']);
  });
});
