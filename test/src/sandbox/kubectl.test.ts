import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, kubectl, Listener, startCluster, startKubectl, startOnTerminal } from './cluster.ts';

const MB = 1_024 * 1_024;
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.close());

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(['1.29', '1.36'] as const)('kubectl %s', { timeout: 90_000 }, version => {
  const run = (args: readonly string[], stdin?: Buffer | string) => kubectl(cluster, version, args, stdin);
  const name = (stem: string) => `${stem}-${version.replace('.', '-')}`;

  test('get', async () => {
    const pods = await run(['get', 'pods', '-o', 'wide']);
    expect(pods).toMatchObject({ code: 0, stderr: '' });
    expect(pods.stdout).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE /);
    expect(pods.stdout).toMatch(/^two +2\/2 +Running +0 +\d+s +127.0.0.1 +sandbox-node /m);
    expect((await run(['get', 'ns', '-o', 'name'])).stdout).toBe('namespace/default\nnamespace/demo\n');
    expect(await run(['get', 'pods', '-n', 'demo'])).toMatchObject({ code: 0, stdout: '' });
    expect(await run(['describe', 'pod', 'ticker'])).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['get', '--raw', '/readyz'])).stdout).toBe('ok');
  });

  test.each([
    ['true', 0, ''],
    ['exit 3', 3, 'command terminated with exit code 3\n'],
    ['kill -9 $$', 137, 'command terminated with exit code 137\n'],
  ])('exec: %s gives %i', async (script, code, stderr) => {
    expect(await run(['exec', 'ticker', '--', 'sh', '-c', script])).toMatchObject({ code, stderr });
  });

  test('debug: an ephemeral container that is attached to, beside the pod it belongs to', async () => {
    const pod = name('debugged');
    expect((await run(['run', pod, '--image', 'any', '--restart', 'Never', '--', 'sleep', '600'])).code).toBe(
      0,
    );
    await run(['wait', '--for', 'condition=Ready', `pod/${pod}`]);
    const args = ['debug', pod, '-q', '-i', '-c', 'debugger', '--image', 'any', '--', 'head', '-n', '1'];
    expect((await run(args, 'to the debugger\n')).stdout).toBe('to the debugger\n');
    const { status } = JSON.parse((await run(['get', 'pod', pod, '-o', 'json'])).stdout);
    expect(status).toMatchObject({
      phase: 'Running',
      ephemeralContainerStatuses: [{ name: 'debugger', state: { terminated: { exitCode: 0 } } }],
    });
    // Its own container is still the one that is meant when none is named.
    expect((await run(['exec', pod, '--', 'true'])).code).toBe(0);
    expect((await run(['delete', 'pod', pod])).code).toBe(0);
  });

  test('exec: stdout and stderr stay apart', async () => {
    const result = await run(['exec', 'two', '-c', 'side', '--', 'sh', '-c', 'echo out; echo err >&2; pwd']);
    const folder = join(cluster.folder, 'pods/default/two/side');
    expect(result).toMatchObject({ code: 0, stdout: `out\n${folder}\n`, stderr: 'err\n' });
  });

  test('exec: what cannot run, and what is not there', async () => {
    const unknown = await run(['exec', 'ticker', '--', 'no-such-command']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('exec: "no-such-command": executable file not found in $PATH');
    const missing = await run(['exec', 'none', '--', 'true']);
    expect(missing).toMatchObject({
      code: 1,
      stderr: 'Error from server (NotFound): pods "none" not found\n',
    });
    const container = await run(['exec', 'two', '-c', 'none', '--', 'true']);
    expect(container.code).toBe(1);
    expect(container.stderr).toContain('container none is not valid for pod two');
  });

  test('exec: 10 MB through cat', async () => {
    const bytes = randomBytes(10 * MB);
    const result = await run(['exec', '-i', 'ticker', '--', 'cat'], bytes);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(result.bytes)).toBe(sha256(bytes));
  });

  test('exec: output is complete although a child holds it open after the command', async () => {
    const result = await run(['exec', 'ticker', '--', 'sh', '-c', '(sleep 0.5; echo late) & echo early']);
    expect(result).toMatchObject({ code: 0, stdout: 'early\nlate\n' });
  });

  test('exec -it has the terminal of the caller', async () => {
    const terminal = await startOnTerminal(
      cluster,
      version,
      ['exec', '-it', 'ticker', '--', 'stty', 'size'],
      { rows: 30, cols: 100 },
    );
    const heard = new Listener(terminal.stdout);
    await once(terminal, 'close');
    expect(terminal.exitCode).toBe(0);
    expect(heard.text).toContain('30 100');
  });

  test('attach to a shell', async () => {
    const terminal = await startOnTerminal(cluster, version, ['attach', '-it', 'shell'], {
      rows: 31,
      cols: 101,
    });
    const heard = new Listener(terminal.stdout);
    await heard.hears('press');
    // kubectl attach first asks for one row and one column more, so that whoever is attached to draws anew.
    const settled = 'until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done';
    terminal.stdin.write(`echo sum $((40+2)); ${settled}; stty size; exit\n`);
    await once(terminal, 'close');
    expect(terminal.exitCode).toBe(0);
    expect(heard.text).toContain('sum 42');
    expect(heard.text).toContain('31 101');
  });

  test('attach to a program', async () => {
    const child = await startKubectl(cluster, version, ['attach', 'ticker']);
    const heard = new Listener(child.stdout);
    await heard.hears('tick ');
    child.kill();
    await once(child, 'close');
  });

  test('logs', async () => {
    const tail = await run(['logs', 'ticker', '--tail=1']);
    expect(tail.stdout).toMatch(/^tick \d+\n$/);
    expect((await run(['logs', 'ticker', '--limit-bytes=4'])).stdout).toBe('tick');
    expect((await run(['logs', 'ticker', '-p'])).code).toBe(1);
    const last = Number(tail.stdout.slice(5));
    const child = await startKubectl(cluster, version, ['logs', '-f', 'ticker', '--timestamps']);
    const heard = new Listener(child.stdout);
    await heard.hears(`Z tick ${String(last + 2)}\n`);
    child.kill();
    await once(child, 'close');
    expect(heard.text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z tick 1\n/);
  });

  test('cp both ways', async () => {
    const bytes = randomBytes(MB);
    const from = join(cluster.folder, name('from'));
    const back = join(cluster.folder, name('back'));
    await writeFile(from, bytes);
    expect(await run(['cp', from, 'two:copied', '-c', 'side'])).toMatchObject({ code: 0 });
    expect(await run(['cp', 'two:copied', back, '-c', 'side'])).toMatchObject({ code: 0 });
    expect(sha256(await readFile(back))).toBe(sha256(bytes));
  });

  test('apply, change, delete', async () => {
    const object = (value: string) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: name('map'), namespace: 'demo' },
        data: { value },
      });
    for (const [value, verb] of [
      ['1', 'created'],
      ['2', 'configured'],
      ['2', 'unchanged'],
    ] as const) {
      const applied = await run(['apply', '-f', '-'], object(value));
      expect(applied).toMatchObject({ code: 0, stderr: '', stdout: `configmap/${name('map')} ${verb}\n` });
    }
    const got = await run(['get', 'configmap', name('map'), '-n', 'demo', '-o', 'jsonpath={.data.value}']);
    expect(got.stdout).toBe('2');
    expect((await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], object('3'))).stderr).toBe(
      '',
    );
    expect(await run(['delete', '-f', '-'], object('3'))).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['get', 'configmap', name('map'), '-n', 'demo'])).code).toBe(1);
  });

  test('create', async () => {
    const created = await run(['create', 'configmap', name('made'), '--from-literal=k=漢']);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    const got = await run(['get', 'configmap', name('made'), '-o', 'jsonpath={.data.k}']);
    expect(got.stdout).toBe('漢');
    expect(await run(['delete', 'configmap', name('made')])).toMatchObject({ code: 0 });
  });

  test('run -it --rm', async () => {
    const args = ['run', name('it'), '--image=busybox', '-it', '--rm', '--', 'sh'];
    const terminal = await startOnTerminal(cluster, version, args, { rows: 24, cols: 80 });
    const heard = new Listener(terminal.stdout);
    await heard.hears('# ');
    terminal.stdin.write('echo sum $((40+2)); exit\n');
    await once(terminal, 'close');
    expect(terminal.exitCode).toBe(0);
    expect(heard.text).toContain('sum 42');
    expect(heard.text).toMatch(/pod "[^"]+" deleted/);
  });

  test('run -i gives the exit code and reads stdin', async () => {
    const args = ['run', name('i'), '--image=busybox', '-i', '--rm', '--restart=Never', '-q', '--'];
    const result = await run([...args, 'sh', '-c', 'read line; echo got $line; exit 4'], 'words\n');
    expect(result.code).toBe(4);
    expect(result.stdout).toContain('got words');
    expect((await run(['get', 'pod', name('i')])).code).toBe(1);
  });

  test('a pod that has ended', async () => {
    expect(
      (
        await run([
          'run',
          name('end'),
          '--image=busybox',
          '--restart=Never',
          '--',
          'sh',
          '-c',
          'echo words; exit 2',
        ])
      ).code,
    ).toBe(0);
    const waited = await run([
      'wait',
      '--for=jsonpath={.status.phase}=Failed',
      '--timeout=20s',
      `pod/${name('end')}`,
    ]);
    expect(waited).toMatchObject({ code: 0 });
    expect((await run(['logs', '-f', name('end')])).stdout).toBe('words\n');
    expect((await run(['exec', name('end'), '--', 'true'])).stderr).toMatch(/cannot exec .*completed pod/);
    expect(await run(['delete', 'pod', name('end')])).toMatchObject({ code: 0 });
  });

  test('auth whoami, with and without impersonation', async () => {
    const self = await run(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}']);
    expect(self.stdout).toBe('system:serviceaccount:kubewitness:proxy');
    const args = ['auth', 'whoami', '--as', 'alice', '--as-group', 'a', '--as-group', 'b', '--as-uid', '7'];
    const other = await run([...args, '-o', 'jsonpath={.status.userInfo}']);
    expect(JSON.parse(other.stdout)).toEqual({
      username: 'alice',
      uid: '7',
      groups: ['a', 'b', 'system:authenticated'],
    });
  });

  test('get -w', async () => {
    const child = await startKubectl(cluster, version, ['get', 'pods', '-w']);
    const heard = new Listener(child.stdout);
    await heard.hears('two');
    const pod = name('seen');
    await run(['run', pod, '--image=busybox', '--restart=Never', '--', 'true']);
    // With the blanks behind it: kubectl writes a line in pieces.
    await heard.hears('Completed ');
    child.kill();
    await once(child, 'close');
    expect(heard.text).toMatch(new RegExp(`^${pod} +0/1 +Completed `, 'm'));
    await run(['delete', 'pod', pod]);
  });
});
