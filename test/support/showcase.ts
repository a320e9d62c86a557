import type { AuditEvent, AuditRecord } from '../../src/audit/record.ts';
import type { RecordingSummary } from '../../src/live/recordings-reader.ts';
import type { Unrecorded } from '../../src/live/unrecorded.ts';
import type { SessionView, Transition } from '../../src/session/view.ts';
import { recordsOf } from '../src/audit/samples.ts';
import { fakeRecordings } from '../src/live/recordings.ts';

/** A team at work, a recorder that is away, another that was: what the pictures in docs show, and axe looks at. */
export const NOW = Date.now();
const RECORDER = 'recorder-0.kubewitness:8181';
const OTHER = 'recorder-1.kubewitness:8181';
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

let count = 0;
function idOf(): string {
  count++;
  return `5e551000-0000-4000-8000-${String(count).padStart(12, '0')}`;
}

function steps(startSeconds: number, ...way: readonly (readonly [string, string, number])[]): Transition[] {
  return way.map(([state, event, after]) => ({ state, event, at: ago(startSeconds - after) }));
}

function view(
  user: string,
  pod: string,
  command: readonly string[],
  transitions: readonly Transition[],
  changes: Partial<SessionView> = {},
): SessionView {
  const last = transitions.at(-1);
  return {
    id: idOf(),
    type: 'exec',
    state: last?.state ?? 'deciding',
    since: last?.at ?? ago(0),
    startedAt: transitions[0]?.at ?? ago(0),
    caller: { user, groups: ['platform'], source: 'tailscale' },
    namespace: 'payments',
    pod,
    container: 'main',
    command,
    tty: true,
    protocol: { transport: 'websocket', subprotocol: 'v5.channel.k8s.io' },
    failMode: 'open',
    recorder: RECORDER,
    transitions,
    ...(last?.state === 'closed' ? { endedAt: last.at } : {}),
    ...changes,
  };
}

const begin: readonly (readonly [string, string, number])[] = [
  ['deciding', 'session.requested', 0],
  ['connectingRecorders', 'decide.done', 0.01],
];
const streaming: readonly [string, string, number] = ['joined.streaming', 'connectRecorders.done', 0.06];

function streams(user: string, pod: string, command: readonly string[], seconds: number): SessionView {
  return view(user, pod, command, steps(seconds, ...begin, streaming));
}

function recorded(user: string, pod: string, command: readonly string[], seconds: number): SessionView {
  const end = Math.min(42, seconds / 2);
  return view(
    user,
    pod,
    command,
    steps(
      seconds,
      ...begin,
      streaming,
      ['ending', 'upstream.ended', end],
      ['closed', 'finish.done', end + 0.1],
    ),
    { outcome: 'recorded', exitCode: 0 },
  );
}

/** Recorded, then not, then recorded again. */
export const gapped = view(
  'grace@example.com',
  'ledger-7d9f8b5c4-x2kqp',
  ['psql', '--host', 'ledger-db', 'ledger'],
  steps(
    600,
    ...begin,
    streaming,
    ['joined.failingOpen', 'handoverLimit.passed', 8],
    ['joined.streaming', 'recorder.returned', 14],
    ['ending', 'upstream.ended', 24],
    ['closed', 'finish.done', 24.2],
  ),
  { outcome: 'unrecorded', exitCode: 0 },
);

export const sessions: readonly SessionView[] = [
  streams('ada@example.com', 'api-6c5d8f7b9-4mzlw', ['sh'], 1840),
  streams('linus@example.com', 'api-6c5d8f7b9-w8xqd', ['tail', '-f', '/var/log/app.log'], 610),
  streams('grace@example.com', 'ledger-7d9f8b5c4-x2kqp', ['python', 'manage.py', 'shell'], 95),
  streams('margaret@example.com', 'checkout-0', ['bash', '-l'], 12),
  view(
    'ci-runner',
    'batch-29384',
    ['cat'],
    steps(33, ['deciding', 'session.requested', 0], ['joined.passing', 'decide.done', 0.02]),
  ),
  view(
    'ada@example.com',
    'search-1',
    ['top'],
    steps(260, ...begin, streaming, ['joined.failingOpen', 'recorder.failed', 190]),
  ),
  view(
    'ken@example.com',
    'search-0',
    ['sh', '-c', 'du -sh /data/*'],
    steps(75, ...begin, ['joined.failingOpen', 'connectRecorders.done', 1]),
  ),
  view(
    'barbara@example.com',
    'vault-0',
    ['sh'],
    steps(2, ...begin, ['failingClosed', 'connectRecorders.done', 1.2]),
    {
      failMode: 'closed',
      cause: { code: 'KW_RECORDER_UNAVAILABLE', message: 'no recorder accepted the recording' },
    },
  ),
  view('linus@example.com', 'web-2', ['ls', '/srv'], steps(1, ...begin)),
  gapped,
  recorded('ada@example.com', 'api-6c5d8f7b9-4mzlw', ['env'], 900),
  recorded('margaret@example.com', 'checkout-0', ['redis-cli', 'info'], 1300),
  recorded('linus@example.com', 'web-2', ['nginx', '-T'], 1700),
  view(
    'barbara@example.com',
    'vault-0',
    ['vault', 'status'],
    steps(
      420,
      ...begin,
      ['failingClosed', 'connectRecorders.done', 1],
      ['ending', 'refuse.done', 1.1],
      ['closed', 'finish.done', 1.2],
    ),
    {
      failMode: 'closed',
      outcome: 'refused',
      cause: {
        code: 'KW_RECORDER_UNAVAILABLE',
        message: 'no recorder accepted the recording, and your rules do not allow a session without one',
      },
    },
  ),
];

function lacking(of: SessionView | undefined, hours: number, changes: Partial<Unrecorded>): Unrecorded {
  const { id = idOf(), caller, namespace = '', pod = '', command = [] } = of ?? {};
  return {
    sessionId: id,
    replica: 'kubewitness-0-1c9e77aa',
    at: ago(hours * 3600 + 30),
    user: caller?.user ?? '',
    namespace,
    pod,
    command,
    phase: 'connect',
    kind: 'refused',
    ...(changes.phase === 'policy' ? {} : { recorder: RECORDER }),
    message: 'no recorder accepted the recording',
    action: 'continuedUnrecorded',
    recovered: false,
    ...changes,
  };
}

const lost = { phase: 'stream', kind: 'reset', message: 'the recorder ended the connection' } as const;
const late = {
  phase: 'ack',
  kind: 'ackLate',
  recorder: OTHER,
  message: 'the recorder did not confirm in time',
} as const;

/** Over a day, so that there is something to see whatever the hour. */
export const unrecorded: readonly Unrecorded[] = [
  lacking(sessions[5], 0, lost),
  lacking(sessions[6], 0, {}),
  lacking(sessions[7], 0, { action: 'denied' }),
  lacking(sessions[13], 0, { action: 'denied' }),
  lacking(gapped, 0, lost),
  lacking(sessions[4], 0, {
    phase: 'policy',
    kind: 'notAsked',
    action: 'passed',
    message: 'no rule asks for a recording of this caller',
  }),
  ...[1, 1, 1, 2, 2, 5, 5, 5, 5, 6].map(hours =>
    lacking(sessions[10], hours, { ...late, sessionId: idOf() }),
  ),
  ...[2, 3, 9, 9, 14, 15, 15].map(hours => lacking(sessions[11], hours, { ...lost, sessionId: idOf() })),
  ...[3, 3, 4].map(hours =>
    lacking(sessions[12], hours, { ...lost, sessionId: idOf(), action: 'handedOver', recovered: true }),
  ),
];

/** What the audit has of the session with the gap. */
export const records: readonly AuditRecord[] = recordsOf(auditOf(gapped).map(event => event)).map(record => ({
  ...record,
  time: ago(600 - record.seq),
}));

function auditOf({ id, caller, namespace, pod, command }: SessionView): AuditEvent[] {
  const facts = {
    sessionId: id,
    subject: { ...caller, device: 'grace-laptop.tail1234.ts.net' },
    target: { namespace, pod, container: 'main' },
  };
  const attempt = { protocol: 'v2', startedAt: ago(600), durationMs: 41 } as const;
  return [
    { type: 'session.started', ...facts, sessionType: 'exec', command, tty: true, transport: 'websocket' },
    {
      type: 'session.decided',
      ...facts,
      decision: 'record',
      failMode: 'open',
      rules: ['tailscale: tag:k8s, capability 2'],
    },
    {
      type: 'recorder.attempted',
      ...facts,
      ...attempt,
      recorder: OTHER,
      accepted: false,
      kind: 'refused',
      message: 'connection refused',
    },
    { type: 'recorder.attempted', ...facts, ...attempt, recorder: RECORDER, accepted: true },
    {
      type: 'recording.gap',
      ...facts,
      state: 'joined.failingOpen',
      previousState: 'joined.streaming',
      timeInStateMs: 0,
      fromMs: 8000,
    },
    {
      type: 'recording.resumed',
      ...facts,
      recorder: RECORDER,
      gap: { fromMs: 8000, toMs: 14_000, bytes: 5312 },
    },
  ];
}

const PROMPT = '\u001b[1;32mledger=>\u001b[0m ';
const LINES: readonly (readonly [number, string])[] = [
  [0.1, 'psql (16.4)\r\nType "help" for help.\r\n\r\n'],
  [0.3, PROMPT],
  [1.2, 'select status, count(*), sum(amount)\r\n'],
  [2.1, 'ledger-> from transfers group by status;\r\n'],
  [2.4, '  status  | count |    sum    \r\n----------+-------+-----------\r\n'],
  [
    2.5,
    ' \u001b[32msettled\u001b[0m  | 18204 | 941220.10\r\n \u001b[33mpending\u001b[0m  |   131 |   8120.55\r\n',
  ],
  [2.6, ' \u001b[31mfailed\u001b[0m   |     7 |    190.00\r\n(3 rows)\r\n\r\n'],
  [2.7, PROMPT],
  [5.4, '\\q\r\n'],
];
const CAST = [
  JSON.stringify({ version: 2, width: 84, height: 18, timestamp: Math.floor(NOW / 1000) - 600 }),
  ...LINES.map(([at, text]) => JSON.stringify([at, 'o', text])),
  '',
].join('\n');

const items: readonly RecordingSummary[] = [
  ...[gapped, ...sessions.slice(10, 13)].map(
    (session, at): RecordingSummary => ({
      id: `2026070${at + 1}T101500Z-${at}`,
      sessionId: session.id,
      receivedAt: session.startedAt,
      bytes: at === 0 ? Buffer.byteLength(CAST) : 18_000 * (at * 7 + 3),
      durationSeconds: at === 0 ? 5.4 : 42,
      complete: at !== 3,
      ...(at === 3 ? { incompleteReason: 'the connection was lost' } : {}),
      user: session.caller.user,
      namespace: session.namespace,
      pod: session.pod,
      command: session.command.join(' '),
    }),
  ),
  {
    id: '20260630T081500Z-9',
    receivedAt: ago(5200),
    bytes: 1_180_000_000,
    durationSeconds: 5 * 3600,
    complete: true,
    user: 'ken@example.com',
    namespace: 'search',
    pod: 'search-0',
    command: 'journalctl -f',
  },
];

export const recordings = fakeRecordings(items, CAST);
