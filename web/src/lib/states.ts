// Words of states, each with a tone and a shape: never by colour alone.
export type Tone = 'idle' | 'ready' | 'active' | 'wait' | 'good' | 'bad' | 'held';

const TONES: Record<string, Tone> = {
  pending: 'idle', ready: 'ready', claimed: 'active', running: 'active', in_review: 'wait', done: 'good', blocked: 'held', failed: 'bad', cancelled: 'idle',
  starting: 'active', idle: 'ready', requires_action: 'wait', recovering: 'held', stopped: 'idle',
  open: 'wait', approved: 'good', rejected: 'bad', expired: 'idle', voided: 'idle', executed: 'good',
  not_ready: 'bad', revoked: 'idle', draft: 'idle', published: 'good', awaiting_approval: 'wait', queued: 'active',
  accepted: 'good', dismissed: 'idle', completed: 'good', in_progress: 'active', interrupted: 'bad', cordoned: 'held', active: 'active', released: 'idle', ended: 'idle', superseded: 'idle'
};

export const tone = (state: string): Tone => TONES[state] ?? 'idle';
export const words = (state: string): string => state.replaceAll('_', ' ');

export const LANES = [
  { id: 'waiting', title: 'Waiting', states: ['pending', 'blocked'] },
  { id: 'ready', title: 'Ready', states: ['ready'] },
  { id: 'running', title: 'Running', states: ['claimed', 'running'] },
  { id: 'review', title: 'In review', states: ['in_review'] },
  { id: 'done', title: 'Done', states: ['done'] },
  { id: 'ended', title: 'Failed or cancelled', states: ['failed', 'cancelled'] }
] as const;
export type Lane = (typeof LANES)[number]['id'];

export interface Move {
  verb: 'block' | 'unblock' | 'retry' | 'accept' | 'reject' | 'cancel';
  label: string;
  /** Asked before it is done. */
  needsNote?: boolean;
  danger?: boolean;
  lane: Lane;
}

const CANCEL: Move = { verb: 'cancel', label: 'Cancel task', danger: true, lane: 'ended' };
const BLOCK: Move = { verb: 'block', label: 'Block', needsNote: true, lane: 'waiting' };
/** What a person may do to a task in a state, as the server's table of moves has it. The server decides in the end. */
export function movesOf(state: string): Move[] {
  switch (state) {
    case 'pending':
    case 'ready':
      return [BLOCK, CANCEL];
    case 'claimed':
    case 'running':
      return [BLOCK, CANCEL];
    case 'in_review':
      return [
        { verb: 'accept', label: 'Accept', lane: 'done' },
        { verb: 'reject', label: 'Send back', needsNote: true, lane: 'ready' },
        CANCEL
      ];
    case 'blocked':
      return [{ verb: 'unblock', label: 'Unblock', lane: 'ready' }, CANCEL];
    case 'failed':
      return [{ verb: 'retry', label: 'Try again', lane: 'ready' }];
    default:
      return [];
  }
}

/** The lane of a state. */
export const laneOf = (state: string): Lane => LANES.find((lane) => (lane.states as readonly string[]).includes(state))?.id ?? 'waiting';
/** The move that brings a task of a state into another lane, if there is one. */
export const moveTo = (state: string, lane: Lane): Move | undefined => (laneOf(state) === lane ? undefined : movesOf(state).find((step) => step.lane === lane));
