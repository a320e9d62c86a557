import { describe, expect, test } from 'vitest';
import { createActor, fromCallback, fromPromise, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { RecordersOutput } from '../../machines/recorders.ts';
import { recordersMachine } from '../../machines/recorders.ts';
import type {
  Cause,
  FailMode,
  Finished,
  FinishInput,
  Outcome,
  RefuseInput,
  SessionDecision,
  SessionEvent,
} from '../../machines/session.ts';
import { sessionMachine } from '../../machines/session.ts';

const cause: Cause = { code: 'TEST', message: 'for the test' };

const decisions: Readonly<Record<string, SessionDecision>> = {
  pass: { kind: 'pass' },
  open: { kind: 'record', failMode: 'open', recorders: ['r1:80'] },
  closed: { kind: 'record', failMode: 'closed', recorders: ['r1:80'] },
  refuse: { kind: 'refuse', cause },
};
const accepted: RecordersOutput = { kind: 'accepted', recorder: 'r1:80' };
const exhausted: RecordersOutput = { kind: 'exhausted' };

const facts: readonly SessionEvent[] = [
  { type: 'upstream.joined' },
  { type: 'upstream.refused', cause },
  { type: 'upstream.failed', cause },
  { type: 'upstream.ended', orderly: true },
  { type: 'upstream.ended', orderly: false },
  { type: 'client.left', orderly: true },
  { type: 'client.left', orderly: false },
  { type: 'caller.violated', cause },
  { type: 'recorder.lost' },
  { type: 'recorder.failed', cause },
  { type: 'recorder.returned', recorder: 'r1:80' },
  { type: 'budget.spent', cause },
  { type: 'session.stopped', cause: { code: 'KW_STOPPED', message: 'stopped by the test' } },
];

/** A session whose actors do what the test says, when it says so. */
function rig({ budgetSpent = () => false }: { readonly budgetSpent?: () => boolean } = {}) {
  const log: string[] = [];
  const waiting = new Map<string, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const pending = <Output>(name: string): Promise<Output> =>
    new Promise<Output>((resolve, reject) => {
      log.push(name);
      waiting.set(name, { resolve, reject });
    });
  const clock = new SimulatedClock();
  const machine = sessionMachine.provide({
    actors: {
      decide: fromPromise<SessionDecision, { id: string }>(() => pending('decide')),
      connectRecorders: recordersMachine.provide({
        actors: {
          attempt: fromCallback(({ sendBack }) => {
            log.push('attempt');
            waiting.set('attempt', {
              resolve: value => sendBack(value),
              reject: () => sendBack({ type: 'attempt.failed', recorder: 'r1:80' }),
            });
            return () => log.push('attempt stopped');
          }),
        },
      }),
      relay: fromCallback(() => {
        log.push('relay');
        return () => log.push('relay stopped');
      }),
      reconnect: fromCallback(() => {
        log.push('reconnect');
        return () => log.push('reconnect stopped');
      }),
      meter: fromCallback(() => {
        log.push('meter');
        return () => log.push('meter stopped');
      }),
      refuse: fromPromise<void, RefuseInput>(({ input }) => pending(`refuse ${input.cause.code}`)),
      finish: fromPromise<Finished, FinishInput>(({ input }) =>
        pending(`finish ${input.keepRecording ? 'keep' : 'drop'}`),
      ),
    },
    guards: { budgetSpent },
  });
  const actor = createActor(machine, { input: { id: 's1' }, clock });
  const errors: unknown[] = [];
  actor.subscribe({ error: error => errors.push(error) });
  actor.start();
  const settle = async (name: string, value: unknown): Promise<void> => {
    const waiter = waiting.get(name);
    if (waiter === undefined) throw new Error(`${name} does not run; ran: ${log.join(', ')}`);
    if (value instanceof Error) waiter.reject(value);
    else waiter.resolve(value as never); // The rig stands for any actor; its caller names the value of the right kind.
    await new Promise(resolve => setImmediate(resolve));
  };
  return { actor, clock, log, settle, errors };
}

type Rig = ReturnType<typeof rig>;

async function streaming(mode: FailMode, options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const session = rig(options);
  await session.settle('decide', decisions[mode]);
  await session.settle('attempt', { type: 'attempt.accepted', recorder: 'r1:80' });
  expect(session.actor.getSnapshot().matches({ joined: { streaming: 'recording' } })).toBe(true);
  session.actor.send({ type: 'upstream.joined' });
  return session;
}

async function close(session: Rig, finished: Finished = { recordingComplete: true }): Promise<Outcome> {
  const refuse = session.log.findLast(name => name.startsWith('refuse'));
  if (session.actor.getSnapshot().matches('failingClosed') && refuse !== undefined)
    await session.settle(refuse, undefined);
  const finish = session.log.findLast(name => name.startsWith('finish')) ?? 'finish';
  await session.settle(finish, finished);
  const { status, output } = session.actor.getSnapshot();
  expect(status).toBe('done');
  if (output === undefined) throw new Error('no output');
  return output.outcome;
}

describe('session: what each ending is called', () => {
  const rows: readonly [name: string, mode: FailMode, ending: SessionEvent, outcome: Outcome][] = [
    ['the command ended', 'closed', { type: 'upstream.ended', orderly: true }, 'recorded'],
    ['the client closed after the Status', 'closed', { type: 'client.left', orderly: true }, 'recorded'],
    ['the client left', 'closed', { type: 'client.left', orderly: false }, 'aborted'],
    ['upstream was cut', 'open', { type: 'upstream.ended', orderly: false }, 'aborted'],
    ['the caller broke the protocol, closed', 'closed', { type: 'caller.violated', cause }, 'terminated'],
    ['the caller broke the protocol, open', 'open', { type: 'caller.violated', cause }, 'terminated'],
    ['upstream broke the protocol', 'open', { type: 'upstream.failed', cause }, 'terminated'],
    ['the recorder was lost, closed', 'closed', { type: 'recorder.failed', cause }, 'terminated'],
    [
      'an operator stopped it',
      'open',
      { type: 'session.stopped', cause: { code: 'KW_STOPPED', message: 'stopped by ann' } },
      'stopped',
    ],
  ];
  test.each(rows)('%s', async (_name, mode, ending, outcome) => {
    const session = await streaming(mode);
    session.actor.send(ending);
    expect(session.log).toContain('relay stopped');
    expect(await close(session)).toBe(outcome);
    expect(session.errors).toEqual([]);
  });

  test('open: a lost recorder leaves the relay running, and the session ends unrecorded', async () => {
    const session = await streaming('open');
    session.actor.send({ type: 'recorder.failed', cause });
    expect(session.actor.getSnapshot().value).toEqual({ joined: 'failingOpen' });
    expect(session.log.filter(name => name.startsWith('relay'))).toEqual(['relay']);
    session.actor.send({ type: 'upstream.ended', orderly: true });
    expect(await close(session, { recordingComplete: false })).toBe('unrecorded');
  });

  test('a lost recorder is replaced by the next, and the session is recorded', async () => {
    const session = await streaming('closed');
    session.actor.send({ type: 'recorder.lost' });
    expect(session.actor.getSnapshot().value).toEqual({ joined: { streaming: 'handingOver' } });
    expect(session.actor.getSnapshot().hasTag('recorded')).toBe(true);
    await session.settle('attempt', { type: 'attempt.accepted', recorder: 'r2:80' });
    expect(session.actor.getSnapshot().value).toEqual({ joined: { streaming: 'recording' } });
    expect(session.actor.getSnapshot().context.recorder).toBe('r2:80');
    expect(session.log.filter(name => name.startsWith('relay'))).toEqual(['relay']);
    session.actor.send({ type: 'upstream.ended', orderly: true });
    expect(await close(session)).toBe('recorded');
  });

  test.each([
    ['open', { joined: 'failingOpen' }],
    ['closed', 'failingClosed'],
  ] as const)('nobody takes over, %s', async (mode, value) => {
    const session = await streaming(mode);
    session.actor.send({ type: 'recorder.lost' });
    await session.settle('attempt', { type: 'attempt.failed', recorder: 'r1:80' });
    expect(session.actor.getSnapshot().value).toEqual(value);
    session.actor.stop();
  });

  test('failing open, a recorder that comes back takes the rest; the session stays unrecorded', async () => {
    const session = await streaming('open');
    session.actor.send({ type: 'recorder.failed', cause });
    session.actor.send({ type: 'recorder.returned', recorder: 'r2:80' });
    expect(session.actor.getSnapshot().value).toEqual({ joined: { streaming: 'recording' } });
    expect(session.log).toContain('reconnect stopped');
    session.actor.send({ type: 'upstream.ended', orderly: true });
    expect(await close(session)).toBe('unrecorded');
  });

  test('a recorder that does not confirm the end makes it unrecorded', async () => {
    const session = await streaming('closed');
    session.actor.send({ type: 'upstream.ended', orderly: true });
    expect(await close(session, { recordingComplete: false })).toBe('unrecorded');
  });

  test('nothing recorded by rule is passed', async () => {
    const session = rig();
    await session.settle('decide', decisions['pass']);
    session.actor.send({ type: 'upstream.joined' });
    session.actor.send({ type: 'upstream.ended', orderly: true });
    expect(await close(session, { recordingComplete: false })).toBe('passed');
  });

  test('upstream refuses: refused, and the upload is dropped', async () => {
    const session = rig();
    await session.settle('decide', decisions['closed']);
    await session.settle('attempt', { type: 'attempt.accepted', recorder: 'r1:80' });
    session.actor.send({ type: 'upstream.refused', cause });
    expect(session.log.at(-1)).toBe('finish drop');
    expect(await close(session)).toBe('refused');
  });

  test('refused by rule: nothing is connected', async () => {
    const session = rig();
    await session.settle('decide', decisions['refuse']);
    expect(session.log).toEqual(['decide', 'refuse TEST']);
    expect(await close(session)).toBe('refused');
  });

  test('the first cause wins', async () => {
    const session = await streaming('closed');
    session.actor.send({ type: 'recorder.failed', cause: { code: 'FIRST', message: '' } });
    session.actor.send({ type: 'session.stopped', cause: { code: 'KW_STOPPED', message: 'stopped by ann' } });
    session.actor.send({ type: 'client.left', orderly: false });
    expect(await close(session)).toBe('terminated');
    expect(session.actor.getSnapshot().output?.cause?.code).toBe('FIRST');
  });

  test('an actor that breaks ends the session as refused, never open', async () => {
    const session = rig();
    await session.settle('decide', new Error('broken'));
    expect(session.actor.getSnapshot().value).toBe('failingClosed');
    expect(await close(session)).toBe('refused');
  });
});

describe('session: a fail-open budget', () => {
  const spent = { budgetSpent: () => true };

  test('spent at the start: refused, and upstream is not asked', async () => {
    const session = rig(spent);
    await session.settle('decide', decisions['open']);
    await session.settle('attempt', { type: 'attempt.failed', recorder: 'r1:80' });
    expect(session.log).toContain('refuse KW_FAIL_OPEN_BUDGET');
    expect(session.log).not.toContain('relay');
    expect(await close(session)).toBe('refused');
  });

  test.each<[string, (session: Rig) => Promise<void> | void]>([
    ['a recorder that cannot be replaced', session => session.actor.send({ type: 'recorder.failed', cause })],
    [
      'nobody takes over',
      async session => {
        session.actor.send({ type: 'recorder.lost' });
        await session.settle('attempt', { type: 'attempt.failed', recorder: 'r1:80' });
      },
    ],
    [
      'nobody takes over in time',
      session => {
        session.actor.send({ type: 'recorder.lost' });
        session.clock.increment(5_000);
      },
    ],
  ])('spent in mid-session, %s: terminated', async (_name, fail) => {
    const session = await streaming('open', spent);
    await fail(session);
    expect(session.log).toContain('refuse KW_FAIL_OPEN_BUDGET');
    expect(session.log).not.toContain('meter');
    expect(await close(session)).toBe('terminated');
  });

  test('spent while failing open: terminated as by closed policy, and the count stops', async () => {
    const session = await streaming('open');
    session.actor.send({ type: 'recorder.failed', cause });
    expect(session.log).toContain('meter');
    session.actor.send({ type: 'budget.spent', cause: { code: 'KW_FAIL_OPEN_BUDGET', message: '' } });
    expect(session.actor.getSnapshot().value).toBe('failingClosed');
    expect(session.log).toEqual(
      expect.arrayContaining(['meter stopped', 'reconnect stopped', 'relay stopped']),
    );
    expect(await close(session)).toBe('terminated');
    expect(session.actor.getSnapshot().output?.cause?.code).toBe('KW_FAIL_OPEN_BUDGET');
  });

  test('the count stops when a recorder is back, and a budget spent by others then ends nothing', async () => {
    const session = await streaming('open');
    session.actor.send({ type: 'recorder.failed', cause });
    session.actor.send({ type: 'recorder.returned', recorder: 'r2:80' });
    expect(session.log).toContain('meter stopped');
    session.actor.send({ type: 'budget.spent', cause });
    expect(session.actor.getSnapshot().value).toEqual({ joined: { streaming: 'recording' } });
    session.actor.stop();
  });
});

describe('session: time limits', () => {
  test.each([
    ['open', { joined: 'failingOpen' }],
    ['closed', 'failingClosed'],
  ] as const)('no recorder within recorderLimit, %s', async (mode, value) => {
    const session = rig();
    await session.settle('decide', decisions[mode]);
    session.clock.increment(29_999);
    expect(session.actor.getSnapshot().value).toBe('connectingRecorders');
    session.clock.increment(1);
    expect(session.actor.getSnapshot().value).toEqual(value);
    expect(session.log).toContain('attempt stopped');
    session.actor.stop();
  });

  test.each([
    ['open', { joined: 'failingOpen' }],
    ['closed', 'failingClosed'],
  ] as const)('no hand-over within handoverLimit, %s', async (mode, value) => {
    const session = await streaming(mode);
    session.actor.send({ type: 'recorder.lost' });
    session.clock.increment(4_999);
    expect(session.actor.getSnapshot().value).toEqual({ joined: { streaming: 'handingOver' } });
    session.clock.increment(1);
    expect(session.actor.getSnapshot().value).toEqual(value);
    session.actor.stop();
  });

  test('a client that takes no refusal and a recorder without a last word do not hold a session', async () => {
    const session = await streaming('closed');
    session.actor.send({ type: 'recorder.failed', cause });
    session.clock.increment(5_000);
    expect(session.actor.getSnapshot().value).toBe('ending');
    session.clock.increment(35_000);
    expect(session.actor.getSnapshot().output?.outcome).toBe('terminated');
  });
});

const outcomesOfActors = [
  ...Object.values(decisions).map(output => ({ type: 'xstate.done.actor.decide', output })),
  { type: 'xstate.error.actor.decide', error: new Error('broken') },
  { type: 'xstate.done.actor.connectRecorders', output: accepted },
  { type: 'xstate.done.actor.connectRecorders', output: exhausted },
  { type: 'xstate.error.actor.connectRecorders', error: new Error('broken') },
  { type: 'xstate.after.recorderLimit.session.connectingRecorders' },
  { type: 'xstate.done.actor.handOver', output: accepted },
  { type: 'xstate.done.actor.handOver', output: exhausted },
  { type: 'xstate.error.actor.handOver', error: new Error('broken') },
  { type: 'xstate.after.handoverLimit.session.joined.streaming.handingOver' },
  { type: 'xstate.error.actor.reconnect', error: new Error('broken') },
  { type: 'xstate.error.actor.meter', error: new Error('broken') },
  { type: 'xstate.error.actor.relay', error: new Error('broken') },
  { type: 'xstate.done.actor.refuse', output: undefined },
  { type: 'xstate.error.actor.refuse', error: new Error('broken') },
  { type: 'xstate.after.refuseLimit.session.failingClosed' },
  { type: 'xstate.done.actor.finish', output: { recordingComplete: true } },
  { type: 'xstate.done.actor.finish', output: { recordingComplete: false } },
  { type: 'xstate.error.actor.finish', error: new Error('broken') },
  { type: 'xstate.after.finishLimit.session.ending' },
];

/** Every path the machine has, given every fact and every actor's outcome. */
const pathsOf = (machine: typeof sessionMachine) =>
  getShortestPaths(machine, {
    input: { id: 's1' },
    // The graph takes the machine's own events; the outcomes of actors are events of XState's.
    events: [...facts, ...outcomesOfActors] as SessionEvent[],
    serializeState: ({ value, context, output }) =>
      JSON.stringify([
        value,
        context.recorders.length > 0,
        context.failMode,
        context.joined,
        context.gap,
        context.outcome,
        context.cause?.code,
        output?.outcome,
      ]),
  });
const paths = pathsOf(sessionMachine);

describe('session: every path', () => {
  const stateOf = (value: unknown): string => JSON.stringify(value);

  test('reaches exactly the states of the contract', () => {
    expect([...new Set(paths.map(path => stateOf(path.state.value)))].sort()).toEqual(
      [
        '"closed"',
        '"connectingRecorders"',
        '"deciding"',
        '"ending"',
        '"failingClosed"',
        '{"joined":"failingOpen"}',
        '{"joined":"passing"}',
        '{"joined":{"streaming":"handingOver"}}',
        '{"joined":{"streaming":"recording"}}',
      ].sort(),
    );
  });

  test('closed never leads to failingOpen', () => {
    const open = paths.filter(path => stateOf(path.state.value) === '{"joined":"failingOpen"}');
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter(path => path.state.context.failMode !== 'open')).toEqual([]);
  });

  test('a spent budget never leads to failingOpen, and ends nothing that a recorder has', () => {
    const withoutBudget = pathsOf(sessionMachine.provide({ guards: { budgetSpent: () => true } }));
    expect(withoutBudget.length).toBeGreaterThan(10);
    expect(withoutBudget.filter(path => path.state.matches({ joined: 'failingOpen' }))).toEqual([]);
    const cut = withoutBudget.filter(path => path.state.output?.cause?.code === 'KW_FAIL_OPEN_BUDGET');
    expect(new Set(cut.map(path => path.state.output?.outcome))).toEqual(new Set(['refused', 'terminated']));
    expect(withoutBudget.some(path => path.state.output?.outcome === 'recorded')).toBe(true);
  });

  test('a session that must be recorded joins upstream only with a recorder, or failing open', () => {
    const joined = paths.filter(
      path => path.state.matches('joined') && path.state.context.recorders.length > 0,
    );
    expect(joined.length).toBeGreaterThan(0);
    for (const { state } of joined) {
      expect(state.matches({ joined: 'streaming' }) || state.context.failMode === 'open').toBe(true);
      expect(state.matches({ joined: 'passing' })).toBe(false);
    }
  });

  test('every end has an outcome, and all seven occur', () => {
    const ended = paths.filter(path => path.state.value === 'closed');
    expect(new Set(ended.map(path => path.state.output?.outcome))).toEqual(
      new Set(['recorded', 'unrecorded', 'passed', 'refused', 'terminated', 'aborted', 'stopped']),
    );
  });

  test('recorded is said only of a session that streamed and whose recorder confirmed it', () => {
    for (const path of paths.filter(({ state }) => state.output?.outcome === 'recorded')) {
      expect(path.steps.map(step => stateOf(step.state.value))).toContain(
        '{"joined":{"streaming":"recording"}}',
      );
    }
  });

  test('from every state a client that leaves, then time, leads to the end', () => {
    for (const path of paths) {
      const clock = new SimulatedClock();
      const never = <Output>(): Promise<Output> => new Promise<Output>(() => {});
      const machine = sessionMachine.provide({
        actors: {
          decide: fromPromise<SessionDecision, { id: string }>(() => never()),
          relay: fromCallback(() => {}),
          reconnect: fromCallback(() => {}),
          meter: fromCallback(() => {}),
          connectRecorders: recordersMachine.provide({ actors: { attempt: fromCallback(() => {}) } }),
          refuse: fromPromise<void, RefuseInput>(() => never()),
          finish: fromPromise<Finished, FinishInput>(() => never()),
        },
      });
      const actor = createActor(machine, { input: { id: 's1' }, clock });
      actor.subscribe({ error: () => {} });
      actor.start();
      for (const step of path.steps) {
        if (actor.getSnapshot().status === 'active') actor.send(step.event);
      }
      if (actor.getSnapshot().status === 'active') actor.send({ type: 'client.left', orderly: false });
      clock.increment(5_000);
      clock.increment(35_000);
      expect(actor.getSnapshot().value).toBe('closed');
    }
  });
});
