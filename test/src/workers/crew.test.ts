import { expect, test } from 'vitest';
import { silentLogger } from '../../../src/log.ts';
import type { Hand } from '../../../src/workers/crew.ts';
import { Crew } from '../../../src/workers/crew.ts';
import type { Report } from '../../../src/workers/desk.ts';
import { FakeTime } from '../recording/fake-time.ts';
import { FakePeer } from './fakes.ts';

class FakeHand extends FakePeer implements Hand {
  readonly pid: number;
  killed = false;
  #heard: (message: unknown) => void = () => {};
  #gone: (how: string) => void = () => {};

  constructor(pid: number) {
    super();
    this.pid = pid;
  }
  onMessage(heard: (message: unknown) => void): void {
    this.#heard = heard;
  }
  onGone(gone: (how: string) => void): void {
    this.#gone = gone;
  }
  kill(): void {
    this.killed = true;
  }
  says(message: unknown): void {
    this.#heard(message);
  }
  dies(how = 'SIGKILL'): void {
    this.#gone(how);
  }
  serves(): void {
    this.says({ kind: 'here' });
    this.says({ kind: 'listening', address: '127.0.0.1', port: 8443 });
  }
}

function crewOf(size: number) {
  const time = new FakeTime();
  const hands: FakeHand[] = [];
  const heard: { worker: number; report: Report }[] = [];
  const gone: number[] = [];
  const crew = new Crew({
    size,
    fork: () => {
      const hand = new FakeHand(100 + hands.length);
      hands.push(hand);
      return hand;
    },
    timers: time,
    log: silentLogger,
    start: worker => ({
      kind: 'start',
      file: 'proxy.yaml',
      text: '',
      files: {},
      certificate: { cert: '', key: '' },
      port: 8443,
      upstream: 'api:443',
      worker,
      workers: size,
      mayStart: true,
      ailing: [],
      standings: [],
    }),
    hear: (worker, report) => void heard.push({ worker, report }),
    gone: worker => void gone.push(worker),
  });
  return { crew, hands, heard, gone, time };
}

async function serving(size: number) {
  const made = crewOf(size);
  const begun = made.crew.begin();
  for (const hand of made.hands) hand.serves();
  expect(await begun).toMatchObject({ address: '127.0.0.1', port: 8443 });
  return made;
}

test('it serves once all of them do, each begun with its number', async () => {
  const { crew, hands } = await serving(2);
  expect(crew.serving).toEqual([100, 101]);
  expect(hands.map(hand => hand.toWorker())).toMatchObject([
    [{ kind: 'start', worker: 1 }],
    [{ kind: 'start', worker: 2 }],
  ]);
});

test('one that cannot start ends them all, with its words', async () => {
  const { crew, hands, time } = crewOf(2);
  const begun = crew.begin();
  hands[0]?.serves();
  hands[1]?.says({ kind: 'failed', problem: 'the port is in use' });
  await Promise.resolve();
  await Promise.resolve();
  hands[1]?.dies('exit code 1');
  time.pass(1);
  expect(hands[0]?.killed).toBe(true);
  hands[0]?.dies();
  await expect(begun).rejects.toThrow('the port is in use');
});

test('one that dies is begun again, ever later while it dies at once, and soon once it has been sound', async () => {
  const { crew, hands, gone, time } = await serving(1);
  for (const restMs of [100, 200, 400]) {
    hands.at(-1)?.dies();
    expect(crew.serving).toEqual([]);
    const before = hands.length;
    time.pass(restMs - 1);
    expect(hands).toHaveLength(before);
    time.pass(1);
    expect(hands).toHaveLength(before + 1);
    hands.at(-1)?.serves();
  }
  time.pass(60_000);
  hands.at(-1)?.dies();
  const before = hands.length;
  time.pass(100);
  expect(hands).toHaveLength(before + 1);
  expect(gone).toEqual([1, 1, 1, 1]);
});

test('one that says what is not of the protocol, or does not come up, is killed', async () => {
  const { hands, heard, time } = await serving(2);
  hands[0]?.says({ kind: 'lost', count: 1 });
  expect(heard).toEqual([{ worker: 1, report: { kind: 'lost', count: 1 } }]);
  hands[0]?.says({ kind: 'lost', count: 'many' });
  expect(hands[0]?.killed).toBe(true);
  expect(hands[1]?.killed).toBe(false);
  hands[1]?.dies();
  time.pass(100);
  time.pass(30_000);
  expect(hands[2]?.killed).toBe(true);
});

test('one that does not listen any more is killed', async () => {
  const { crew, hands } = await serving(1);
  const [hand] = hands;
  if (hand !== undefined) hand.flows = false;
  for (let at = 0; at < 10_001; at++) crew.sayToAll({ kind: 'sink', mayStart: true });
  expect(hand?.killed).toBe(true);
});

test('at the close all are told, the last end is waited for, nobody is begun again, and the late are killed', async () => {
  const { crew, hands, time } = await serving(2);
  let closed = false;
  const closing = crew.close(1_000).then(() => {
    closed = true;
  });
  expect(hands.map(hand => hand.toWorker().at(-1))).toEqual([{ kind: 'close' }, { kind: 'close' }]);
  hands[0]?.dies('exit code 0');
  await Promise.resolve();
  expect(closed).toBe(false);
  time.pass(1_000);
  expect(hands[1]?.killed).toBe(true);
  hands[1]?.dies();
  await closing;
  time.pass(60_000);
  expect(hands).toHaveLength(2);
});
