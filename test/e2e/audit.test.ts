import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRecordSchema } from '../../src/audit/schema.ts';
import { ExecClient } from '../support/exec-client.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { kubewitness, TryCluster, until } from '../support/try-cluster.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

function records(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

describe('kubewitness audit', () => {
  let cluster: TryCluster;
  let recorded = '';
  let denied = '';
  let unrecorded = '';
  /** Of the first, read where the audit says that it is. */
  let manifest: unknown;

  const audit = async (
    command: string,
    ...args: string[]
  ): Promise<{ lines: string[]; code: number; stderr: string }> => {
    const { stdout, code, stderr } = await kubewitness([
      'audit',
      command,
      ...args,
      '--file',
      cluster.ready.audit,
    ]);
    return { lines: stdout.toString().split('\n').slice(0, -1), code, stderr };
  };

  beforeAll(async () => {
    cluster = await TryCluster.start();
    const exec = async (marker: string, context: 'open' | 'closed'): Promise<string> => {
      await cluster.kubectl(['exec', 'shell', '--', 'sh', '-c', `: ${marker}; echo password=hunter2`], {
        version: '1.36',
        context,
      });
      return (await cluster.ended(marker)).id;
    };
    recorded = await exec('is-recorded', 'closed');
    const completed = records(cluster.ready.audit).find(({ type }) => type === 'recording.completed');
    manifest = await (await fetch(String(Object(completed?.['recording'])['uri']))).json();
    process.kill(cluster.ready.recorderPid, 'SIGKILL');
    await until(() => cluster.output().includes('The recorder has ended'));
    denied = await exec('is-denied', 'closed');
    unrecorded = await exec('is-unrecorded', 'open');
  });
  afterAll(async () => {
    await cluster.stop();
  });

  test('every line is what the schema says, and none holds a secret', () => {
    for (const record of records(cluster.ready.audit)) {
      expect(auditRecordSchema.safeParse(record).error).toBeUndefined();
    }
    expect(readFileSync(cluster.ready.audit, 'utf8')).not.toContain('hunter2');
  });

  test('list shows who did what, and what became of it', async () => {
    const { lines } = await audit('list');
    expect(lines[0]).toMatch(/^STARTED +SESSION +USER +POD +COMMAND +OUTCOME/);
    const row = (id: string): string => lines.find(line => line.includes(id.slice(0, 8))) ?? '';
    expect(row(recorded)).toMatch(/bob +default\/shell\S* +sh -c : is-recorded; .* recorded +0/);
    expect(row(denied)).toMatch(/bob .* refused/);
    expect(row(unrecorded)).toMatch(/ann .* unrecorded/);
  });

  test('filters and JSON lines', async () => {
    const { lines } = await audit(
      'list',
      '--user',
      'ann',
      '--outcome',
      'unrecorded',
      '--since',
      '1h',
      '--json',
    );
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      {
        sessionId: unrecorded,
        user: { name: 'ann' },
        outcome: 'unrecorded',
        failures: [{ phase: 'connect' }],
      },
    ]);
    expect((await audit('list', '--command', 'no such command', '--json')).lines).toEqual([]);
  });

  test('failures say where, why, and what was done', async () => {
    const { lines } = await audit('failures', '--phase', 'connect', '--kind', 'refused', '--json');
    const failures = lines.map(line => JSON.parse(line));
    const expected = {
      phase: 'connect',
      kind: 'refused',
      state: 'connectingRecorders',
      previousState: 'deciding',
    };
    expect(failures.find(({ sessionId }) => sessionId === denied)).toMatchObject({
      ...expected,
      action: 'denied',
      failMode: 'closed',
      rules: ['grants[1]'],
      attempts: [{ recorder: cluster.ready.recorder, kind: 'refused' }],
    });
    expect(failures.find(({ sessionId }) => sessionId === unrecorded)).toMatchObject({
      ...expected,
      action: 'continuedUnrecorded',
    });
    expect((await audit('failures')).lines.join('\n')).toMatch(/connect +refused +\S+ +closed +denied/);
  });

  test('the metrics count what was audited, and ordinary requests by verb and code', async () => {
    await cluster.kubectl(['get', 'pods'], { version: '1.36', context: 'open' });
    const text = await (await fetch(`${cluster.ready.admin}/metrics`)).text();
    const value = (series: string): number =>
      Number(
        text
          .split('\n')
          .find(line => line.startsWith(`${series} `))
          ?.slice(series.length),
      );
    expect(value('kubewitness_request_seconds_count{verb="list",code="200"}')).toBeGreaterThan(0);
    expect(value('k8s_auth_proxy_requests_proxied')).toBeGreaterThan(3);
    expect(value('kubewitness_sessions_ended_total{outcome="unrecorded"}')).toBe(1);
    expect(value('kubewitness_unacked_bytes')).toBe(0);
    expect(value('kubewitness_audit_lag_seconds')).toBe(0);
    expect(text).toMatch(
      /recording_failures_total\{phase="connect",kind="refused",recorder="[\d.:]+",policy="closed",action="denied"\} [1-9]/,
    );
  });

  test('a failure is an Event on the pod, which kubectl shows', async () => {
    const shown = async () =>
      (await cluster.kubectl(['get', 'events'], { version: '1.36', context: 'open' })).stdout.toString();
    await until(async () => (await shown()).includes(denied));
    const lines = (await shown()).split('\n');
    expect(lines[0]).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/);
    expect(lines.find(line => line.includes(denied))).toMatch(
      /Warning +RecordingFailed +pod\/shell +session \S+ of bob: recording failed \(connect, refused\), denied/,
    );
  });

  test('show takes the beginning of an id', async () => {
    const { lines } = await audit('show', recorded.slice(0, 8), '--json');
    expect(lines.map(line => JSON.parse(line).type)).toEqual([
      'session.started',
      'session.decided',
      ...(lines.some(line => line.includes('"recorder.attempted"')) ? ['recorder.attempted'] : []),
      'session.streaming',
      'recording.completed',
      'session.ended',
    ]);
    const completed = lines.map(line => JSON.parse(line)).find(({ type }) => type === 'recording.completed');
    expect(manifest).toMatchObject({ sha256: completed.recording.sha256, complete: true });
    expect(await audit('show', '00000000')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no session'),
    });
  });

  test('coverage: the sums agree, and sessions of a Kubernetes audit log that came another way are named', async () => {
    const { lines, code } = await audit('coverage', '--json');
    expect(code).toBe(0);
    const { days, contradictions } = JSON.parse(lines[0] ?? '');
    expect(contradictions).toEqual([]);
    for (const { requests, outcomes, live } of days) {
      expect(Object.values<number>(outcomes).reduce((sum, count) => sum + count, live)).toBe(requests);
    }
    const log = join(mkdtempSync(join(tmpdir(), 'kubewitness-kube-audit-')), 'audit.log');
    const event = (auditID: string, username: string): string =>
      JSON.stringify({
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        auditID,
        requestURI: '/x',
        user: { username },
        objectRef: { resource: 'pods', subresource: 'exec', namespace: 'default', name: 'shell' },
      });
    writeFileSync(log, `${event(recorded, 'proxy')}\n${event('direct-1', 'eve')}\n`);
    const against = await audit('coverage', '--against', log);
    expect(against.code).toBe(1);
    expect(against.lines.join('\n')).toMatch(/2 sessions in the Kubernetes audit log, 1 of them/);
    expect(against.lines.join('\n')).toMatch(/direct-1 +exec +eve +default\/shell/);
    expect(against.lines.join('\n')).not.toContain(recorded);
  });

  test.each([
    ['ocsf', { class_uid: 6003 }],
    ['ecs', { ecs: { version: expect.any(String) } }],
    ['native', { apiVersion: 'audit.kubewitness.dev/v1' }],
  ])('export as %s', async (format, shape) => {
    const { lines } = await audit('export', '--user', 'ann', '--format', format);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject(shape);
  });

  test('follow prints what is written while it runs', async () => {
    const child = spawn(process.execPath, [
      main,
      'audit',
      'follow',
      '--file',
      cluster.ready.audit,
      '--user',
      'ann',
    ]);
    let output = '';
    child.stdout.on('data', chunk => {
      output += String(chunk);
    });
    let at = 0;
    // It follows from when it has opened the file, and nobody outside knows when that is.
    await until(async () => {
      await cluster.kubectl(['exec', 'shell', '--', 'true', `round-${at++}`], {
        version: '1.36',
        context: 'open',
      });
      return output.includes('session.ended');
    });
    expect(output).toMatch(/session\.ended +[0-9a-f]{8} +ann/);
    expect(output).not.toContain('bob');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('verify finds nothing in what was written, and names what was changed later', async () => {
    const whole = await audit('verify');
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    const head = /head ([0-9a-f]{64})/.exec(whole.lines.join())?.[1] ?? '';
    const lines = readFileSync(cluster.ready.audit, 'utf8').split('\n');
    const copy = join(mkdtempSync(join(tmpdir(), 'kubewitness-tampered-')), 'audit.jsonl');
    const verify = async (kept: string[], ...args: string[]) => {
      writeFileSync(copy, kept.join('\n'));
      return kubewitness(['audit', 'verify', '--file', copy, ...args]);
    };
    const changed = await verify(lines.with(2, (lines[2] ?? '').replace('bob', 'eve')));
    expect(changed).toMatchObject({ code: 1, stderr: expect.stringContaining('1 problem') });
    expect(changed.stdout.toString()).toContain(`${copy}:3: changed`);
    const shorter = lines.slice(0, -2).concat('');
    expect(await verify(shorter)).toMatchObject({ code: 0 });
    expect(await verify(shorter, '--head', head)).toMatchObject({ code: 1 });
  });

  test.each([
    [['audit', 'list'], /say where the audit is/],
    [['audit', 'list', '--file', '/nowhere/audit.jsonl'], /nowhere/],
    [['audit', 'list', '--file', 'x', '--since', 'soon'], /--since soon: no time/],
    [['audit', 'list', '--postgres'], /KUBEWITNESS_AUDIT_POSTGRES is not set/],
  ])('%j says what is wrong in one line', async (args, message) => {
    const { code, stderr } = await kubewitness(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

test('after kill -9 the next start ends the sessions that were open, once', async () => {
  const recorder = await RecorderProcess.start(
    join(mkdtempSync(join(tmpdir(), 'kubewitness-audit-')), 'recorder'),
  );
  const proxy = await startProxyProcess([recorder.address]);
  const client = await ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', 'echo ready; cat']);
  await client.seen('ready');
  // Said soon after the recorder's first ack: what is known of the recording afterwards.
  await until(() => records(proxy.auditFile).some(({ type }) => type === 'recording.acknowledged'));
  const ready = join(proxy.dir, 'proxy.json');
  const { pid } = JSON.parse(readFileSync(ready, 'utf8'));
  process.kill(pid, 'SIGKILL');
  await until(() => !isRunning(pid));
  expect(records(proxy.auditFile).map(({ type }) => type)).not.toContain('session.ended');
  rmSync(ready);
  const again = spawn(process.execPath, [
    ...[main, 'proxy', '--config', join(proxy.dir, 'proxy.yaml'), '--ready-file', ready],
  ]);
  await until(() => existsSync(ready));
  const ends = records(proxy.auditFile).filter(({ type }) => type === 'session.ended');
  expect(ends).toMatchObject([
    {
      outcome: 'interrupted',
      user: { name: 'bob' },
      state: 'joined.streaming',
      recorder: recorder.address,
      lastAcked: { offset: expect.any(Number), time: expect.any(String) },
    },
  ]);
  expect(ends[0]?.['lastAcked']).not.toMatchObject({ offset: 0 });
  expect((await kubewitness(['audit', 'verify', '--file', proxy.auditFile])).code).toBe(0);
  const exited = once(again, 'exit');
  again.kill('SIGTERM');
  await exited;
  await proxy.stop();
  await recorder.kill();
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
