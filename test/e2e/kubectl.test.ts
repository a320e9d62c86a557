import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubectlVersion } from '../support/kubectl.ts';
import { reader, TryCluster } from '../support/try-cluster.ts';

const VERSIONS: readonly (readonly [KubectlVersion, transport: string, subprotocol: string])[] = [
  ['1.29', 'spdy', 'v4.channel.k8s.io'],
  ['1.36', 'websocket', 'v5.channel.k8s.io'],
];

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let cluster: TryCluster;
beforeAll(async () => {
  cluster = await TryCluster.start();
});
afterAll(async () => {
  expect(await cluster.stop()).toBe(0);
});

describe.each(VERSIONS)('kubectl %s through the proxy', (version, transport, subprotocol) => {
  const sh = (script: string): string[] => ['exec', 'shell', '--', 'sh', '-c', script];
  const mark = (name: string): string => `: ${name}-${version}`;

  test('exec prints, and its cast holds what was printed', async () => {
    const marker = mark('prints');
    const result = await cluster.kubectl(sh(`${marker}; printf 'out-€\\n'; printf 'err\\n' >&2`), {
      version,
    });
    expect(result).toMatchObject({ code: 0, stderr: 'err\n' });
    expect(result.stdout.toString()).toBe('out-€\n');
    const session = await cluster.ended(marker);
    expect(session).toMatchObject({
      outcome: 'recorded',
      exitCode: 0,
      caller: { user: 'bob' },
      pod: 'shell',
      protocol: { transport, subprotocol },
      recorder: cluster.ready.recorder,
    });
    expect(session.transitions.map(({ state }) => state)).toEqual([
      'deciding',
      'connectingRecorders',
      'joined.streaming',
      'ending',
      'closed',
    ]);
    const cast = await cluster.castOf(session.id);
    expect(cast.header).toMatchObject({
      version: 2,
      kubernetes: { PodName: 'shell', Namespace: 'default', SessionType: 'exec' },
      kubewitness: { user: 'bob', subprotocol },
    });
    expect(cast.text).toContain('out-€\n');
    expect(cast.text).toContain('err\n');
  });

  test.each([
    ['0', 'exit 0', 0],
    ['3', 'exit 3', 3],
    ['137', 'kill -9 $$', 137],
  ] as const)('exit code %s', async (name, script, code) => {
    const marker = mark(`exit-${name}`);
    expect((await cluster.kubectl(sh(`${marker}; ${script}`), { version })).code).toBe(code);
    expect(await cluster.ended(marker)).toMatchObject({ outcome: 'recorded', exitCode: code });
  });

  test('10 MB of stdin arrive whole, and come back whole', async () => {
    const bytes = randomBytes(10 * 1024 * 1024);
    const result = await cluster.kubectl(['exec', '-i', 'shell', '--', 'cat'], { version, stdin: bytes });
    expect(result.code).toBe(0);
    expect(sha256(result.stdout)).toBe(sha256(bytes));
  });

  test('-it in a terminal: size, resize and a shell', async () => {
    const marker = mark('tty');
    const child = await cluster.terminal(
      ['exec', '-it', 'shell', '--', 'sh', '-c', `${marker}; stty size; exec sh`],
      {
        version,
      },
    );
    const screen = reader(child);
    await screen.seen('30 100');
    child.stdin?.write('echo typed-$((40+2))\n');
    await screen.seen('typed-42');
    child.stdin?.write('exit 5\n');
    const [code] = await once(child, 'close');
    expect(code).toBe(5);
    const session = await cluster.ended(marker);
    expect(session).toMatchObject({ outcome: 'recorded', exitCode: 5 });
    const cast = await cluster.castOf(session.id);
    expect(cast.header).toMatchObject({ width: 100 });
    expect(cast.text).toContain('30 100');
    expect(cast.text).toContain('typed-42');
  });

  test('attach sees the running container', async () => {
    const child = await cluster.spawnKubectl(['attach', 'ticker'], { version });
    const screen = reader(child);
    // kubectl prints lines of its own before it is connected: wait for the container's.
    await screen.seen('tick');
    child.kill('SIGINT');
    await once(child, 'close');
    const sessions = await cluster.sessions();
    expect(sessions.some(item => item.pod === 'ticker' && item.protocol.transport === transport)).toBe(true);
  });

  test('cp both ways, hash-equal', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17);
    const folder = join(cluster.dir, `cp-${version}`);
    mkdirSync(folder, { recursive: true });
    const [there, back] = [join(folder, 'there'), join(folder, 'back')];
    writeFileSync(there, bytes);
    const up = await cluster.kubectl(['cp', there, `shell:copied-${version}`], { version });
    expect(up).toMatchObject({ code: 0 });
    const down = await cluster.kubectl(['cp', `shell:copied-${version}`, back], { version });
    expect(down).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(back))).toBe(sha256(bytes));
  });

  test('ordinary requests: get, logs -f, watch, apply, delete', async () => {
    const pods = await cluster.kubectl(['get', 'pods'], { version });
    expect(pods.stdout.toString()).toContain('shell');

    const logs = await cluster.spawnKubectl(['logs', '-f', 'ticker'], { version });
    await reader(logs).seen('\n');
    logs.kill('SIGINT');
    await once(logs, 'close');

    const file = join(cluster.dir, `map-${version}.json`);
    const name = `map-${version.replace('.', '-')}`;
    const map = (value: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { key: value } });
    const watch = await cluster.spawnKubectl(['get', 'configmaps', '--watch', '-o', 'name'], { version });
    const watched = reader(watch);
    writeFileSync(file, map('one'));
    expect(await cluster.kubectl(['apply', '-f', file], { version })).toMatchObject({ code: 0 });
    await watched.seen(name);
    writeFileSync(file, map('two'));
    expect(await cluster.kubectl(['apply', '-f', file], { version })).toMatchObject({ code: 0 });
    const got = await cluster.kubectl(['get', 'configmap', name, '-o', 'jsonpath={.data.key}'], { version });
    expect(got.stdout.toString()).toBe('two');
    expect(await cluster.kubectl(['delete', '-f', file], { version })).toMatchObject({ code: 0 });
    watch.kill('SIGINT');
    await once(watch, 'close');
  });

  test('what the API server refuses reaches the user as it came', async () => {
    const missing = await cluster.kubectl(['exec', 'nosuch', '--', 'true'], { version });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('"nosuch" not found');
  });

  test('the caller acts as itself', async () => {
    const result = await cluster.kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], {
      version,
    });
    expect(result.stdout.toString()).toBe('bob');
  });

  test('a wrong token is told as such', async () => {
    const result = await cluster.kubectl(['get', 'pods', '--token', 'wrong'], { version });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/Unauthorized|logged in/);
  });
});
