import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { taggedPeer } from '../src/tailscale/peers.ts';
import { kubectlPath } from '../support/kubectl.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';
import { reader, until } from '../support/try-cluster.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubewitness-grants-'));
let recorder: RecorderProcess;
/** Dead from the second group of tests on. */
let mortal: RecorderProcess;
let localApi: FakeLocalApi;
let proxy: ProxyProcess;

const ACCOUNT = 'system:serviceaccount:ci:runner-1';

beforeAll(async () => {
  recorder = await RecorderProcess.start(join(dir, 'recorder'));
  mortal = await RecorderProcess.start(join(dir, 'mortal'));
  localApi = await fakeLocalApi();
  const enforced = { recorderAddrs: [recorder.address], enforceRecorder: true };
  const open = { recorderAddrs: [mortal.address] };
  proxy = await startProxyProcess([], {
    identity: {
      order: ['tailscale', 'static'],
      tailscale: { socket: localApi.socketPath },
      static: [
        { user: ACCOUNT, token: 'account' },
        { user: 'ann', token: 'ann' },
        { user: 'bob', token: 'bob' },
      ],
    },
    grants: [
      { subjects: [{ serviceaccount: 'ci/runner-*' }], pods: ['sh*'], ...enforced },
      { subjects: [{ tag: 'tag:c*' }], namespaces: ['default'], ...enforced },
      { subjects: [{ user: 'ann' }], ...open, failOpenBudget: { concurrent: 1 } },
      { subjects: [{ user: 'bob' }], ...open, failOpenBudget: { secondsPerDay: 1 } },
    ],
  });
  writeFileSync(join(dir, 'ca.pem'), proxy.caPem);
});
afterAll(async () => {
  await proxy.stop();
  await localApi.close();
  await recorder.kill();
  await mortal.kill();
});

async function start(token: string, args: readonly string[]): Promise<ChildProcess> {
  const server = ['--server', proxy.url, '--certificate-authority', join(dir, 'ca.pem')];
  return spawn(await kubectlPath('1.36'), [...server, '--token', token, '-n', 'default', ...args], {
    env: { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: '/dev/null' },
    stdio: 'pipe',
  });
}

async function kubectl(token: string, args: readonly string[]): Promise<{ code: number; text: string }> {
  const child = await start(token, args);
  child.stdin?.end();
  const { text } = reader(child);
  const [code] = await once(child, 'close');
  return { code: code ?? -1, text: text() };
}

const exec = (pod: string, marker: string): string[] => ['exec', pod, '--', 'echo', marker];
/** Goes on until its input ends. */
const shell = (marker: string): string[] => [
  'exec',
  '-i',
  'shell',
  '--',
  'sh',
  '-c',
  `: ${marker}; echo ready; cat`,
];

/** Audit records of the session with this in its command, by type. */
async function audit(marker: string): Promise<Record<string, Record<string, unknown>>> {
  const all = () =>
    readFileSync(proxy.auditFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
  let records: Record<string, unknown>[] = [];
  await until(() => {
    const lines = all();
    const id = lines.findLast(line => JSON.stringify(line['command'])?.includes(marker))?.['sessionId'];
    records = lines.filter(line => id !== undefined && line['sessionId'] === id);
    return records.some(({ type }) => type === 'session.ended');
  });
  return Object.fromEntries(records.map(record => [record['type'], record]));
}

async function castWith(marker: string): Promise<void> {
  await until(() =>
    readdirSync(recorder.dir)
      .filter(name => name.endsWith('.cast'))
      .some(name => readFileSync(join(recorder.dir, name), 'utf8').includes(marker)),
  );
}

describe('a grant for some pods, held by a service account', () => {
  test('records sessions there, and no others', async () => {
    expect(await kubectl('account', exec('shell', 'selected'))).toEqual({ code: 0, text: 'selected\n' });
    await castWith('selected');
    expect((await audit('selected'))['session.decided']).toMatchObject({ rules: ['grants[0]'] });
    expect(await kubectl('account', exec('ticker', 'elsewhere'))).toEqual({ code: 0, text: 'elsewhere\n' });
    expect(await audit('elsewhere')).toMatchObject({
      'session.decided': { decision: 'pass', rules: [] },
      'session.ended': { outcome: 'passed' },
    });
  });

  test.each([
    ['pods/proxy', '/api/v1/namespaces/default/pods/shell/proxy/'],
    ['pods/proxy by scheme and port', '/api/v1/namespaces/default/pods/http:shell:80/proxy/'],
    ['services/proxy', '/api/v1/namespaces/demo/services/x/proxy/'],
    ['nodes/proxy', '/api/v1/nodes/n/proxy/pods'],
    ['a nested API', '/apis/cluster.karmada.io/v1/clusters/c/proxy/api/v1/pods'],
  ])('closes %s, which may lead there', async (_name, path) => {
    const result = await kubectl('account', ['get', '--raw', path]);
    expect(result).toMatchObject({ code: 1, text: expect.stringContaining('grants[0]') });
  });

  test('closes port-forward and debug containers there, and leaves what leads elsewhere alone', async () => {
    expect(await kubectl('account', ['port-forward', 'pod/shell', ':80'])).toMatchObject({
      code: 1,
      text: expect.stringContaining('grants[0]'),
    });
    expect(
      await kubectl('account', ['debug', 'shell', '--image=x', '--attach=false', '--', 'true']),
    ).toMatchObject({ code: 1, text: expect.stringContaining('grants[0]') });
    const elsewhere = await kubectl('account', [
      'get',
      '--raw',
      '/api/v1/namespaces/default/pods/ticker/proxy/',
    ]);
    expect(elsewhere.text).not.toContain('grants[0]');
    const tunnel = await start('account', ['port-forward', 'pod/ticker', ':80']);
    await reader(tunnel).seen('Forwarding from');
    tunnel.kill();
    await once(tunnel, 'close');
  });
});

test('a grant by tag holds for a device of the tailnet, where it is limited to', async () => {
  localApi.peers.set('127.0.0.1', taggedPeer());
  expect(await kubectl('unused', exec('shell', 'by-tag'))).toEqual({ code: 0, text: 'by-tag\n' });
  await castWith('by-tag');
  expect((await audit('by-tag'))['session.decided']).toMatchObject({
    user: { name: 'runner.tail1234.ts.net' },
    failMode: 'closed',
    rules: ['grants[1]'],
  });
  const refused = await kubectl('unused', ['get', '--raw', '/api/v1/nodes/n/proxy/pods']);
  expect(refused.text).toContain('grants[1]');
  localApi.peers.clear();
});

describe('a fail-open budget', () => {
  test('of seconds: a session that is failing open ends when they are used up, and none begins after', async () => {
    const child = await start('bob', shell('spends'));
    const screen = reader(child);
    await screen.seen('ready');
    const closed = once(child, 'close');
    await mortal.kill();
    const [code] = await closed;
    expect(code).toBe(1);
    expect(screen.text()).toContain('grants[3] lets 1 s a day (UTC) go on unrecorded');
    const budget = { rule: 'grants[3]', limit: 'secondsPerDay', allowed: 1, used: expect.any(Number) };
    expect(await audit('spends')).toMatchObject({
      'recording.failed': { action: 'continuedUnrecorded', failMode: 'open' },
      'session.ended': { outcome: 'terminated', cause: { code: 'KW_FAIL_OPEN_BUDGET' }, budget },
    });

    const next = await kubectl('bob', exec('shell', 'too-late'));
    expect(next.code).toBe(1);
    expect(next.text).toContain('grants[3] lets 1 s a day');
    expect(next.text).not.toMatch(/^too-late/m);
    expect(await audit('too-late')).toMatchObject({
      'recording.failed': { phase: 'connect', action: 'denied', failMode: 'closed', budget },
      'session.ended': { outcome: 'refused', cause: { code: 'KW_FAIL_OPEN_BUDGET' }, budget },
    });
  });

  test('of sessions at once: one more is refused until one has ended', async () => {
    const child = await start('ann', shell('the-one'));
    await reader(child).seen('ready');
    const second = await kubectl('ann', exec('shell', 'the-other'));
    expect(second.code).toBe(1);
    expect(second.text).toContain('grants[2] lets 1 at once go on unrecorded, and 1 do');
    expect((await audit('the-other'))['session.ended']).toMatchObject({ outcome: 'refused' });
    child.stdin?.end();
    expect(await once(child, 'close')).toEqual([0, null]);
    expect((await audit('the-one'))['session.ended']).toMatchObject({ outcome: 'unrecorded' });
    expect(await kubectl('ann', exec('shell', 'the-next'))).toEqual({ code: 0, text: 'the-next\n' });
  });

  test('is in the metrics', async () => {
    const text = await (await fetch(`${proxy.admin}/metrics`)).text();
    expect(text).toMatch(/kubewitness_fail_open_seconds\{rule="grants\[3\]"\} [1-9]/);
    expect(text).toMatch(
      /kubewitness_fail_open_budget_spent_total\{rule="grants\[2\]",limit="concurrent"\} [1-9]/,
    );
    expect(text).toMatch(
      /kubewitness_fail_open_budget_spent_total\{rule="grants\[3\]",limit="secondsPerDay"\} [1-9]/,
    );
  });
});
