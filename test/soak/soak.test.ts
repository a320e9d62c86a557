import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endOf,
  holds,
  outputIn,
  partId,
  partsIn,
  type SessionRecord,
  type StoredPart,
  sessionsIn,
} from './account.ts';
import type { Holding } from './probed.ts';
import { KEPT, type SoakRig, startSoak } from './rig.ts';
import { soakSettings } from './settings.ts';

/*
 * Sessions that end in every way, while whatever they depend on is broken and mended. No figure here is of time: what is
 * held to account is counts, bytes and states, when all is over.
 */

const settings = soakSettings(process.env);
const LIMIT_MS = settings.minutes * 60_000 + 300_000;
/** Of the heap, against the first measurement. */
const GROWTH = 1.05;
const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

let soak: SoakRig;
let before: Holding;
let after: Holding;
let listed: { id: string; state: string }[];
let sessions: Map<string, SessionRecord[]>;
let parts: StoredPart[];
let exits: unknown[];

/** Rows of the admin port's list. */
async function sessionList(admin: string): Promise<typeof listed> {
  const text = await new Promise<string>((resolve, reject) => {
    get(new URL('/api/v1/sessions', admin), { agent: false }, response => {
      let body = '';
      response.on('data', chunk => {
        body += String(chunk);
      });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });
  return JSON.parse(text).items;
}

function sum(resources: Readonly<Record<string, number>>): number {
  return Object.values(resources).reduce((total, count) => total + count, 0);
}

/** No more than before, of anything. */
function atBaseline(holding: Holding): boolean {
  return (
    holding.actors <= before.actors &&
    holding.timers <= before.timers &&
    holding.descriptors <= before.descriptors &&
    sum(holding.resources) <= sum(before.resources) &&
    holding.heapBytes <= before.heapBytes * GROWTH
  );
}

beforeAll(async () => {
  process.stdout.write(`soak: seed ${settings.seed}, ${settings.sessions} sessions\n`);
  const endMs = Date.now() + settings.minutes * 60_000;
  soak = await startSoak(settings);
  if (soak.withoutDisks !== undefined) process.stdout.write(`soak: ${soak.withoutDisks}\n`);
  const fresh = await soak.atRest(() => true);
  await soak.run(settings.warmUp, endMs);
  // Counts are those of a process that has served nobody; the heap has by now what is made once.
  const { heapBytes } = await soak.atRest(({ actors }) => actors === 0);
  before = { ...fresh, heapBytes };
  await soak.run(settings.sessions, endMs);
  process.stdout.write(`soak: ${soak.seen.size} sessions were begun\n`);
  after = await soak.atRest(atBaseline);
  const broke = [...soak.chaos.broke].map(([name, times]) => `${name} ${times} times`).join(', ');
  process.stdout.write(`soak: ${broke}\n`);
  listed = await sessionList(soak.proxy.ready['admin'] ?? '');
  exits = [await soak.proxy.end('SIGTERM')];
  for (const recorder of soak.recorders) exits.push(await recorder.stop());
  sessions = await sessionsIn(soak.auditFile);
  parts = await partsIn(soak.recorders.map(({ dir }) => dir));
}, LIMIT_MS);

afterAll(() => soak?.close());

describe('when it is over', () => {
  test('all processes have lived, and end in order', () => {
    expect(exits, soak.proxy.output()).toEqual([0, 0, 0]);
  });

  test('sockets, files, timers, actors and heap are where they were', () => {
    process.stdout.write(`soak: before ${JSON.stringify(before)}\nsoak: after ${JSON.stringify(after)}\n`);
    expect(before.actors).toBe(0);
    expect(after.actors).toBe(0);
    expect(after.timers).toBeLessThanOrEqual(before.timers);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(sum(after.resources)).toBeLessThanOrEqual(sum(before.resources));
    expect(after.heapBytes).toBeLessThanOrEqual(before.heapBytes * GROWTH);
  });

  test('the list has no more rows than it may, and none is live', () => {
    expect(listed.length).toBeLessThanOrEqual(KEPT);
    expect(listed.filter(({ state }) => state !== 'closed')).toEqual([]);
  });

  test('the audit is whole', async () => {
    const verified = await promisify(execFile)(process.execPath, [
      main,
      ...['audit', 'verify', '--file', soak.auditFile],
    ]);
    expect(verified.stderr).toBe('');
  });

  test('each session has one start, and one end after everything else', () => {
    const wrong = [...sessions].filter(([, records]) => {
      const count = (type: string): number => records.filter(record => record.type === type).length;
      return !(
        new Set(records.map(({ sessionId }) => sessionId)).size === 1 &&
        records[0]?.type === 'session.started' &&
        records.at(-1)?.type === 'session.ended' &&
        count('session.started') === 1 &&
        count('session.ended') === 1
      );
    });
    expect(wrong).toEqual([]);
  });

  test('whoever was let in is in the audit, and nobody else', () => {
    const missing = [...soak.seen.values()].filter(
      ({ plan, seen }) => seen.code === 101 && !sessions.has(plan.pod),
    );
    expect(missing).toEqual([]);
    const strangers = [...sessions.keys()].filter(pod => /^(stranger|ordinary)-/.test(pod));
    expect(strangers).toEqual([]);
    expect([...sessions.keys()].filter(pod => !soak.seen.has(pod))).toEqual([]);
  });

  test('a session that its client saw whole has an outcome that says so', () => {
    // aborted, terminated: what was broken broke after the last byte, and before the end of the connection or of the cast.
    const allowed = {
      passed: ['passed', 'aborted'],
      open: ['recorded', 'unrecorded', 'aborted'],
      closed: ['recorded', 'unrecorded', 'aborted', 'terminated'],
    };
    const wrong = [...soak.seen.values()].flatMap(({ plan, seen }) => {
      if (!seen.whole || plan.fate === 'ordinary') return [];
      const records = sessions.get(plan.pod) ?? [];
      const outcome = endOf(records)?.outcome ?? 'none';
      const hasReason =
        (outcome !== 'terminated' && outcome !== 'unrecorded') ||
        records.some(({ type }) => type === 'recording.failed');
      return allowed[plan.caller].includes(outcome) && hasReason ? [] : [{ pod: plan.pod, records }];
    });
    expect(wrong).toEqual([]);
    expect([...soak.seen.values()].filter(({ seen }) => seen.whole).length).toBeGreaterThan(0);
  });

  test('no session that fails closed went on unrecorded', () => {
    const wrong = [...sessions.values()].filter(
      records =>
        soak.seen.get(records[0]?.target.pod ?? '')?.plan.caller === 'closed' &&
        records.some(
          record =>
            record.type === 'recording.gap' ||
            (record.type === 'recording.failed' && record.action === 'continuedUnrecorded'),
        ),
    );
    expect(wrong).toEqual([]);
  });

  test('each byte that a recorder has acknowledged is in a cast', () => {
    const missing: unknown[] = [];
    let compared = 0;
    for (const { dir, witness } of soak.recorders) {
      const stored = new Map(
        parts.filter(({ reader }) => reader.folder === dir).map(part => [partId(part), part]),
      );
      for (const [id, acknowledged] of witness.acknowledged) {
        const part = stored.get(id);
        if (part === undefined || !holds(part, acknowledged)) missing.push({ dir, id, acknowledged, part });
        compared++;
      }
    }
    expect(missing).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });

  test('a recording that the audit calls complete has every character, hand-overs or not', async () => {
    const partsOf = (id: string): StoredPart[] => parts.filter(({ manifest }) => manifest.sessionId === id);
    const wrong: unknown[] = [];
    let joined = 0;
    for (const [pod, records] of sessions) {
      const end = endOf(records);
      if (end?.outcome !== 'recorded' || end.gaps.length > 0 || end.recording?.complete === false) continue;
      const own = partsOf(end.sessionId);
      const seen = soak.seen.get(pod);
      const output = await outputIn(own).catch((error: unknown) => String(error));
      if (seen?.seen.whole === true && output !== seen.plan.output.join('')) {
        wrong.push({ pod, output: output.slice(0, 200), parts: own.map(({ manifest }) => manifest.header) });
      }
      joined++;
    }
    expect(wrong).toEqual([]);
    expect(joined).toBeGreaterThan(0);
  });

  test('no cast has changed since it was filed', async () => {
    for (const { dir } of soak.recorders) {
      const { stderr } = await promisify(execFile)(process.execPath, [
        main,
        ...['recordings', 'verify', '--dir', dir],
      ]);
      expect(stderr).toBe('');
    }
  });
});
