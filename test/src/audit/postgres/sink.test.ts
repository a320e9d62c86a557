import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../../src/audit/postgres/database.ts';
import { openPostgresReader } from '../../../../src/audit/postgres/reader.ts';
import type { PostgresSink, PostgresSinkOptions } from '../../../../src/audit/postgres/sink.ts';
import { openPostgresSink } from '../../../../src/audit/postgres/sink.ts';
import type { AuditRecord } from '../../../../src/audit/record.ts';
import { rotatedSegments } from '../../../../src/audit/segments.ts';
import { Verifier } from '../../../../src/audit/verify.ts';
import { systemClock } from '../../../../src/clock.ts';
import { until } from '../../../support/try-cluster.ts';
import { acknowledged, ended, refused, SAMPLES, scratch, started } from '../samples.ts';
import { PostgresServer, postgresBinaries } from './server.ts';

const binaries = postgresBinaries();
if (binaries === undefined) {
  process.stderr.write(
    'audit in PostgreSQL: not tested, there is no PostgreSQL here (apt-get install postgresql)\n',
  );
}

test('PostgreSQL is there where everything must be tested', () => {
  expect(binaries !== undefined || process.env['CI'] !== 'true').toBe(true);
});

describe.skipIf(binaries === undefined)('audit in PostgreSQL', () => {
  let server: PostgresServer;
  const sinks: PostgresSink[] = [];
  const away: string[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start(binaries ?? '');
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const db = await openDatabase({ url: server.url });
    for (const table of ['audit_record', 'audit_lease', 'audit_migration', 'audit_migration_lock']) {
      await db.schema.dropTable(table).ifExists().execute();
    }
    await db.destroy();
    away.length = 0;
  });
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
  });

  async function open(options: Partial<PostgresSinkOptions> = {}): Promise<PostgresSink> {
    const sink = await openPostgresSink({
      url: server.url,
      spool: scratch(),
      clock: systemClock,
      replica: 'one',
      failed: () => {},
      away: error => away.push(error.message),
      ...options,
    });
    sinks.push(sink);
    return sink;
  }

  async function records(): Promise<AuditRecord[]> {
    const reader = await openPostgresReader({ url: server.url });
    const all: AuditRecord[] = [];
    for await (const { record } of reader.records()) all.push(record);
    await reader.close();
    return all;
  }

  async function verified() {
    const reader = await openPostgresReader({ url: server.url });
    const verifier = new Verifier();
    for await (const { text, file, number } of reader.lines()) verifier.line(text, { file, number });
    await reader.close();
    return verifier.finish();
  }

  const sent = (sink: PostgresSink): Promise<void> => until(() => sink.health().waiting === 0);

  test('takes a record of every type, and gives it back as it was written', async () => {
    const spool = scratch();
    const sink = await open({ spool });
    for (const event of SAMPLES) sink.write(event);
    await sent(sink);
    const all = await records();
    expect(all.map(({ type }) => type)).toEqual(expect.arrayContaining(SAMPLES.map(({ type }) => type)));
    expect(all.map(record => record.hash)).toEqual(
      expect.arrayContaining(
        readFileSync(spool, 'utf8')
          .trim()
          .split('\n')
          .map(line => JSON.parse(line).hash),
      ),
    );
    expect(await verified()).toMatchObject({ problems: [], chains: [{ records: SAMPLES.length }] });
  });

  test('several replicas write one database, each its own chain', async () => {
    const replicas = await Promise.all([
      open({ replica: 'a' }),
      open({ replica: 'b' }),
      open({ replica: 'c' }),
    ]);
    for (let count = 0; count < 700; count++) for (const sink of replicas) sink.write(refused);
    await Promise.all(replicas.map(sent));
    expect(await verified()).toMatchObject({
      problems: [],
      chains: [{ records: 700 }, { records: 700 }, { records: 700 }],
    });
  });

  test('what is written while the server is away comes with it, once and in order', async () => {
    const spool = scratch();
    const sink = await open({ spool, maxFileBytes: 2_000 });
    sink.write(started);
    await sent(sink);
    await server.stop();
    for (let count = 0; count < 50; count++) sink.write(refused);
    await until(() => away.length > 0);
    expect(sink.health()).toMatchObject({ state: 'ok', waiting: 50, lost: 0 });
    expect(rotatedSegments(spool).length).toBeGreaterThan(3);
    await server.run();
    await sent(sink);
    expect(await verified()).toMatchObject({ problems: [], chains: [{ records: 51 }] });
    await until(() => rotatedSegments(spool).length === 0);
  });

  test('a process that starts while the server is away sends what the last one left', async () => {
    const spool = scratch();
    await server.stop();
    const first = await open({ spool });
    first.write({ ...refused, message: 'before' });
    await first.close();
    const second = await open({ spool });
    second.write({ ...refused, message: 'after' });
    await server.run();
    await sent(second);
    expect((await records()).map(record => ('message' in record ? record.message : ''))).toEqual([
      'before',
      'after',
    ]);
    expect((await verified()).problems).toEqual([]);
  });

  test('a full spool is a failing sink: records past it are lost and counted, and the rest arrives', async () => {
    await server.stop();
    const sink = await open({ maxSpoolBytes: 2_000 });
    for (let count = 0; count < 20; count++) sink.write(refused);
    const { lost, state } = sink.health();
    expect(state).toBe('failing');
    expect(sink.mayStartSession()).toBe(false);
    expect(lost).toBeGreaterThan(10);
    await server.run();
    await sent(sink);
    await until(() => sink.mayStartSession());
    expect(await verified()).toMatchObject({ problems: [], chains: [{ records: 20 - lost }] });
  });

  describe('sessions that a crash left open', () => {
    const other = { ...started, sessionId: '22222222-2222-4222-8222-222222222222' };

    async function ends(sessionId: string): Promise<AuditRecord[]> {
      return (await records()).filter(
        record => record.type === 'session.ended' && record.sessionId === sessionId,
      );
    }

    test('are ended by the next process with the same spool, also when their beginning has left it', async () => {
      const spool = scratch();
      const crashed = await open({ spool, maxFileBytes: 1_000 });
      crashed.write(started);
      crashed.write(other);
      crashed.write({ ...ended, sessionId: other.sessionId });
      await sent(crashed);
      await crashed.close();
      const next = await open({ spool });
      await until(async () => (await ends(started.sessionId)).length > 0);
      await sent(next);
      expect(await ends(started.sessionId)).toMatchObject([
        { outcome: 'interrupted', user: { name: 'ann' } },
      ]);
      expect(await ends(other.sessionId)).toMatchObject([{ outcome: 'unrecorded' }]);
      expect((await verified()).problems).toEqual([]);
    });

    test('are ended by one other replica once the lease has lapsed', async () => {
      const gone = await open({ replica: 'gone', leaseMs: 100 });
      gone.write(started);
      gone.write(acknowledged);
      await sent(gone);
      await gone.close();
      const others = await Promise.all(['a', 'b', 'c'].map(replica => open({ replica, leaseMs: 1_000 })));
      await until(async () => (await ends(started.sessionId)).length > 0);
      await Promise.all(others.map(sent));
      expect(await ends(started.sessionId)).toMatchObject([
        {
          outcome: 'interrupted',
          recorder: acknowledged.recorder,
          lastAcked: acknowledged.lastAcked,
        },
      ]);
    });
  });

  test('follow gives what any replica writes from then on', async () => {
    const sink = await open();
    sink.write(refused);
    await sent(sink);
    const reader = await openPostgresReader({ url: server.url });
    const stop = new AbortController();
    const following = reader.follow(stop.signal)[Symbol.asyncIterator]();
    const first = following.next();
    const late = await open({ replica: 'late' });
    // The reader looks at what there is when it is first asked.
    await until(async () => {
      late.write({ ...refused, message: 'new' });
      return Promise.race([first.then(() => true), new Promise<boolean>(done => setImmediate(done, false))]);
    });
    expect((await first).value).toMatchObject({ record: { message: 'new' } });
    stop.abort();
    await following.return?.();
    await reader.close();
  });

  test('a database without an audit is told', async () => {
    await expect(openPostgresReader({ url: server.url })).rejects.toThrow(/audit_record/);
  });
});
