import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubectlVersion } from '../support/kubectl.ts';
import { reader, TryCluster, until } from '../support/try-cluster.ts';

const VERSIONS: readonly KubectlVersion[] = ['1.29', '1.36'];

let cluster: TryCluster;
beforeEach(async () => {
  cluster = await TryCluster.start();
});
afterEach(async () => {
  await cluster.stop();
});

async function killRecorder(): Promise<void> {
  process.kill(cluster.ready.recorderPid, 'SIGKILL');
  await until(() => cluster.output().includes('The recorder has ended'));
}

/** Records of one session, by type. */
function audit(sessionId: string): Record<string, Record<string, unknown>[]> {
  const records: Record<string, Record<string, unknown>[]> = {};
  for (const record of cluster.auditLines()) {
    if (record['sessionId'] !== sessionId) continue;
    const type = String(record['type']);
    records[type] = [...(records[type] ?? []), record];
  }
  return records;
}

describe.each(VERSIONS)('kubectl %s, the recorder is down at the start', version => {
  const exec = (marker: string): string[] => [
    'exec',
    'shell',
    '--',
    'sh',
    '-c',
    `: ${marker}; echo ran; touch ran`,
  ];

  test('closed: refused with a Status that names the session, and nothing runs', async () => {
    await killRecorder();
    const result = await cluster.kubectl(exec('closed-start'), { version });
    expect(result.code).toBe(1);
    expect(result.stdout.toString()).toBe('');
    const session = await cluster.ended('closed-start');
    expect(session).toMatchObject({ outcome: 'refused', cause: { code: 'KW_RECORDER_UNAVAILABLE' } });
    expect(result.stderr).toContain('no recorder accepted the recording');
    // 1.36 tries WebSocket, then SPDY: the user sees the second refusal.
    const ids = (await cluster.sessions()).map(({ id }) => id);
    expect(ids.some(id => result.stderr.includes(id))).toBe(true);
    expect(session.transitions.map(({ state }) => state)).not.toContain('joined.streaming');
    expect(audit(session.id)).toMatchObject({
      'session.started': [{}],
      'recording.failed': [
        { phase: 'connect', action: 'denied', failMode: 'closed', attempts: [{ kind: 'refused' }] },
      ],
      'session.ended': [{ outcome: 'refused' }],
    });
    const look = await cluster.kubectl(['exec', 'shell', '--', 'ls'], { version, context: 'open' });
    expect(look.stdout.toString()).not.toContain('ran');
  });

  test('open: the session goes on, and the audit says that it was not recorded', async () => {
    await killRecorder();
    const result = await cluster.kubectl(exec('open-start'), { version, context: 'open' });
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout.toString()).toBe('ran\n');
    const session = await cluster.ended('open-start');
    expect(session).toMatchObject({ outcome: 'unrecorded', exitCode: 0 });
    expect(audit(session.id)['recording.failed']).toMatchObject([
      { phase: 'connect', action: 'continuedUnrecorded' },
    ]);
  });
});

describe.each(VERSIONS)('kubectl %s, the recorder is lost in mid-session', version => {
  const script = (marker: string): string[] => [
    'exec',
    '-i',
    'shell',
    '--',
    'sh',
    '-c',
    `: ${marker}; echo ready; while read line; do echo "got $line"; done`,
  ];

  test('closed: kubectl prints why and exits non-zero', async () => {
    const child = await cluster.spawnKubectl(script('closed-mid'), { version });
    const screen = reader(child);
    await screen.seen('ready');
    const closed = once(child, 'close');
    await killRecorder();
    const [code] = await closed;
    expect(code).toBe(1);
    expect(screen.text()).toContain('the recorder was lost');
    const session = await cluster.ended('closed-mid');
    expect(screen.text()).toContain(session.id);
    expect(session).toMatchObject({ outcome: 'terminated', cause: { code: 'KW_RECORDER_LOST' } });
    expect(audit(session.id)).toMatchObject({
      'recording.failed': [{ phase: 'stream', action: 'terminated', failMode: 'closed' }],
      'session.ended': [{ outcome: 'terminated' }],
    });
  });

  test('open: the session goes on and not a byte is lost', async () => {
    const child = await cluster.spawnKubectl(script('open-mid'), { version, context: 'open' });
    const screen = reader(child);
    await screen.seen('ready');
    await killRecorder();
    let expected = 'ready\n';
    for (let line = 0; line < 200; line++) {
      child.stdin?.write(`line ${line}\n`);
      expected += `got line ${line}\n`;
    }
    child.stdin?.end();
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    expect(screen.text()).toBe(expected);
    const session = await cluster.ended('open-mid');
    expect(session).toMatchObject({ outcome: 'unrecorded', exitCode: 0 });
    expect(session.transitions.map(({ state }) => state)).toContain('joined.failingOpen');
    expect(audit(session.id)).toMatchObject({
      'recording.failed': [{ action: 'continuedUnrecorded', failMode: 'open' }],
      'session.ended': [{ outcome: 'unrecorded' }],
    });
  });

  test('closed, while output pours: cut inside a stream of frames, still a clear end', async () => {
    const child = await cluster.spawnKubectl(['exec', 'shell', '--', 'sh', '-c', ': closed-pour; yes'], {
      version,
    });
    let bytes = 0;
    let stderr = '';
    child.stdout?.on('data', chunk => {
      bytes += chunk.length;
    });
    child.stderr?.on('data', chunk => {
      stderr += String(chunk);
    });
    await until(() => bytes > 1_000_000);
    const closed = once(child, 'close');
    await killRecorder();
    const [code] = await closed;
    expect(code).toBe(1);
    expect(stderr).toContain('the recorder was lost');
    expect(await cluster.ended('closed-pour')).toMatchObject({ outcome: 'terminated' });
  });
});
