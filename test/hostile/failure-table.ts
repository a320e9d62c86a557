import type { FakeRecorder } from '../src/recording/fake-recorders.ts';
import { deadAddress, startTcp, startV1, startV2 } from '../src/recording/fake-recorders.ts';
import type { Upload } from './recorder.ts';
import { startRecorder } from './recorder.ts';

/** What a fault at a recorder comes to, under one policy. The words stand in docs/recording.md. */
export interface Outcome {
  readonly client: string;
  readonly outcome: 'recorded' | 'unrecorded' | 'refused' | 'terminated';
  readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'none';
}

/** When the fault strikes, and what is then done about it: the same for every fault of that phase. */
export const PHASES = {
  connect: {
    open: { client: 'its session', outcome: 'unrecorded', action: 'continuedUnrecorded' },
    closed: { client: '403 with a Status, and upstream sees nothing', outcome: 'refused', action: 'denied' },
  },
  stream: {
    open: { client: 'its session, to the end', outcome: 'unrecorded', action: 'continuedUnrecorded' },
    closed: {
      client: 'a Status on the error stream, and a close',
      outcome: 'terminated',
      action: 'terminated',
    },
  },
  finalise: {
    open: { client: 'its session, to the end', outcome: 'unrecorded', action: 'none' },
    closed: { client: 'its session, to the end', outcome: 'unrecorded', action: 'none' },
  },
} as const satisfies Record<string, Record<'open' | 'closed', Outcome>>;

export type Phase = keyof typeof PHASES;

/** A recorder that will fail. `strike` makes a live one fail. */
export interface FaultyRecorder {
  readonly address: string;
  readonly strike?: () => Promise<void>;
}

export interface Fault {
  readonly phase: Phase;
  /** After «the recorder». */
  readonly what: string;
  /** `failure.kind` in the audit. */
  readonly kind: string;
  start(): Promise<FaultyRecorder>;
}

const connecting = (
  what: string,
  kind: string,
  start: () => Promise<Pick<FakeRecorder, 'address'>>,
): Fault => ({
  phase: 'connect',
  what,
  kind,
  start,
});

/** A recorder that has taken the session, and is then gone for good, so that nothing is handed over to it. */
const streaming = (
  what: string,
  kind: string,
  fail: (upload: Upload) => void,
  onUpload?: (upload: Upload) => void,
): Fault => ({
  phase: 'stream',
  what,
  kind,
  start: async () => {
    let taken = false;
    const recorder = await startRecorder({
      // One recording and no more: it leaves whoever comes back without an answer.
      accept: async () => {
        if (taken) await new Promise(() => {});
        taken = true;
      },
      ...(onUpload === undefined ? {} : { onUpload }),
    });
    return { address: recorder.address, strike: () => recorder.first().then(fail) };
  },
});

const ending = (what: string, kind: string, onBodyEnd: (upload: Upload) => void): Fault => ({
  phase: 'finalise',
  what,
  kind,
  start: () => startRecorder({ onBodyEnd }),
});

export const FAULTS: readonly Fault[] = [
  connecting('is not there', 'refused', async () => ({ address: await deadAddress() })),
  connecting('takes the connection and says nothing', 'timeout', () => startTcp(socket => socket.resume())),
  connecting('resets the connection', 'reset', () => startTcp(socket => socket.destroy())),
  connecting('is something else', 'protocol', () => startTcp(socket => socket.write('SSH-2.0-x\r\n'))),
  connecting('has no room (v2, 507)', 'disk', () => startV2({ postStatus: 507 })),
  connecting('fails (v2, 500)', 'refused', () => startV2({ postStatus: 500 })),
  connecting('fails (v1, 500)', 'refused', () =>
    startV1({ onExpect: (_request, response) => response.writeHead(500).end() }),
  ),
  connecting('answers before it has anything (v1, 200)', 'refused', () =>
    startV1({ onExpect: (_request, response) => response.writeHead(200).end() }),
  ),
  streaming('is lost', 'reset', ({ stream }) => stream.session?.destroy()),
  streaming('reports an error', 'reported', ({ stream }) => stream.end('{"error":"no space left"}\n')),
  streaming('ends its answer early', 'protocol', ({ stream }) => stream.end()),
  streaming('sends junk for acks', 'protocol', ({ stream }) => stream.end('junk\n')),
  streaming(
    'confirms nothing any more',
    'ackLate',
    () => {},
    ({ stream }) => stream.write('{}'),
  ),
  ending('reports an error at the end', 'reported', ({ stream }) => stream.end('{"error":"disk full"}\n')),
  ending('is lost at the end', 'reset', ({ stream }) => stream.session?.destroy()),
  ending('never confirms the end', 'timeout', () => {}),
];

/** The table of docs/recording.md. */
export function failureTable(): string {
  const rows = FAULTS.map(({ phase, what, kind }) => {
    const { open, closed } = PHASES[phase];
    const cell = ({ client, outcome, action }: Outcome): string => `${client}; \`${outcome}\`, \`${action}\``;
    return `| \`${phase}\` | ${what} | \`${kind}\` | ${cell(open)} | ${cell(closed)} |`;
  });
  return [
    '| phase | the recorder … | kind | fail open: the client gets; outcome, action | fail closed |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
