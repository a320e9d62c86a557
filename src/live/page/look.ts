export type Tone = 'good' | 'warn' | 'bad' | 'work' | 'quiet';
export type IconName =
  | 'dot'
  | 'ring'
  | 'triangle'
  | 'octagon'
  | 'check'
  | 'cross'
  | 'square'
  | 'arrow'
  | 'dots';

/** How a state or an outcome is told apart: by shape and words first, by colour after that. */
export interface Look {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly says: string;
}

const STATES: Readonly<Record<string, Look>> = {
  deciding: { tone: 'work', icon: 'dots', says: 'reading the rules' },
  connectingRecorders: { tone: 'work', icon: 'dots', says: 'finding a recorder' },
  'joined.passing': { tone: 'quiet', icon: 'ring', says: 'no recording asked' },
  'joined.streaming': { tone: 'good', icon: 'dot', says: 'recording' },
  'joined.failingOpen': { tone: 'warn', icon: 'triangle', says: 'UNRECORDED' },
  failingClosed: { tone: 'bad', icon: 'octagon', says: 'REFUSING' },
  ending: { tone: 'work', icon: 'arrow', says: 'last answers' },
  closed: { tone: 'quiet', icon: 'square', says: 'over' },
};

const OUTCOMES: Readonly<Record<string, Look>> = {
  recorded: { tone: 'good', icon: 'check', says: 'recorded' },
  unrecorded: { tone: 'warn', icon: 'triangle', says: 'unrecorded' },
  passed: { tone: 'quiet', icon: 'ring', says: 'passed' },
  refused: { tone: 'bad', icon: 'octagon', says: 'refused' },
  terminated: { tone: 'bad', icon: 'cross', says: 'terminated' },
  aborted: { tone: 'quiet', icon: 'arrow', says: 'aborted' },
  stopped: { tone: 'quiet', icon: 'square', says: 'stopped' },
  interrupted: { tone: 'bad', icon: 'cross', says: 'interrupted' },
};

export const OUTCOME_NAMES: readonly string[] = Object.keys(OUTCOMES);

export function stateLook(state: string): Look {
  return STATES[state] ?? { tone: 'quiet', icon: 'ring', says: '' };
}

export function outcomeLook(outcome: string): Look {
  return OUTCOMES[outcome] ?? { tone: 'quiet', icon: 'ring', says: outcome };
}

/** Of a session as it stands: its outcome once it has one. */
export function sessionLook({ state, outcome }: { readonly state: string; readonly outcome?: string }): Look {
  return outcome === undefined ? stateLook(state) : outcomeLook(outcome);
}
