import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Account } from '../../src/sandbox/identity.ts';
import { authority } from '../src/identity/clients.ts';
import type { FakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { CAPABILITY, userPeer } from '../src/tailscale/peers.ts';
import { startFrontProxy } from '../support/front-proxy.ts';
import type { KubectlVersion } from '../support/kubectl.ts';
import { castWith, execOf, kubectlAt, PODS, WHO } from '../support/kubectl-at.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';

const VERSIONS: readonly KubectlVersion[] = ['1.36', '1.29'];
const dir = mkdtempSync(join(tmpdir(), 'kubewitness-sources-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const ROBOT = 'system:serviceaccount:ci:robot';
const ACCOUNTS: readonly Account[] = [
  {
    token: 'token-of-robot',
    identity: {
      user: ROBOT,
      uid: 'u-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ci'],
      extra: { 'authentication.kubernetes.io/pod-name': ['builder'] },
    },
    audiences: ['kubewitness'],
  },
  {
    token: 'token-for-the-api',
    identity: { user: 'dora', uid: undefined, groups: ['ops'], extra: {} },
  },
];

let recorder: RecorderProcess;
beforeAll(async () => {
  recorder = await RecorderProcess.start(join(dir, 'recorder'));
  closing.push(() => recorder.kill());
});

const enforced = (group: string) => ({
  subjects: [{ group }],
  recorderAddrs: [recorder.address],
  enforceRecorder: true,
});

function auditOf({ auditFile }: ProxyProcess, marker: string): Record<string, unknown>[] {
  return readFileSync(auditFile, 'utf8')
    .split('\n')
    .filter(line => line.includes(marker))
    .map(line => JSON.parse(line));
}

describe('tokenReview, with real kubectl', () => {
  let proxy: ProxyProcess;
  beforeAll(async () => {
    proxy = await startProxyProcess(
      [recorder.address],
      {
        identity: { tokenReview: { audiences: ['kubewitness'] } },
        grants: [enforced('system:serviceaccounts:ci')],
      },
      { accounts: ACCOUNTS },
    );
    closing.push(() => proxy.stop());
  });
  const kubectl = (args: readonly string[], token: string, version?: KubectlVersion) =>
    kubectlAt(proxy.url, proxy.caPem, version)(args, ['--token', token]);

  test('a service account acts as itself, extra values and all', async () => {
    const who = await kubectl(['auth', 'whoami', '-o', 'json'], 'token-of-robot');
    expect(JSON.parse(who.stdout).status.userInfo).toMatchObject({
      username: ROBOT,
      uid: 'u-1',
      groups: expect.arrayContaining(['system:serviceaccounts:ci', 'system:authenticated']),
      extra: { 'authentication.kubernetes.io/pod-name': ['builder'] },
    });
  });

  test.each(VERSIONS)('its sessions are recorded under its name (%s)', async version => {
    const marker = `by-service-account-${version}`;
    expect(await kubectl(execOf(marker), 'token-of-robot', version)).toMatchObject({ code: 0 });
    expect(await castWith(recorder.dir, marker)).toContain(`"user":"${ROBOT}"`);
  });

  test.each([
    ['that nobody knows', 'no-token-at-all'],
    ['that is for the API server and not for us', 'token-for-the-api'],
  ])('a token %s is refused', async (_what, token) => {
    const result = await kubectl(PODS, token);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/must be logged in|does not accept the bearer token/);
  });
});

describe('requestHeader, with real kubectl', () => {
  let proxy: ProxyProcess;
  let front: { url: string };
  let liar: { url: string };
  let caPem: string;
  const adds = [
    ...['X-Remote-User', 'Zoë', 'X-Remote-Group', 'dev', 'X-Remote-Group', 'ops'],
    ...['X-Remote-Extra-Team%2FA', 'blue', 'Authorization', 'Bearer of-the-front-proxy'],
  ].map(text => Buffer.from(text, 'utf8').toString('latin1'));

  beforeAll(async () => {
    const fronts = await authority('fronts');
    const servers = await authority('servers');
    const own = await fronts.issue({ CN: 'front-proxy', O: undefined });
    const server = await servers.issue({ CN: 'front', O: undefined }, { server: true });
    caPem = servers.caPem;
    proxy = await startProxyProcess([recorder.address], {
      identity: {
        requestHeader: { ca: file('fronts.pem', fronts.caPem), allowedNames: ['front-proxy'] },
        static: [{ user: 'admin', groups: ['admins'], token: 'token-of-admin' }],
      },
      grants: [enforced('dev')],
    });
    closing.push(() => proxy.stop());
    const target = { port: new URL(proxy.url).port, ca: proxy.caPem };
    const speaking = await startFrontProxy({ server, target: { ...target, ...own }, adds: () => adds });
    const lying = await startFrontProxy({
      server,
      target,
      adds: () => ['X-Remote-User', 'root', 'X-Remote-Group', 'system:masters', 'X-Remote-Uid', '0'],
    });
    front = speaking;
    liar = lying;
    closing.push(speaking.close, lying.close);
  });

  test('the caller is whom the front proxy speaks for', async () => {
    const who = await kubectlAt(front.url, caPem)(['auth', 'whoami', '-o', 'json'], ['--token', 'anything']);
    expect(JSON.parse(who.stdout).status.userInfo).toMatchObject({
      username: 'Zoë',
      groups: ['dev', 'ops', 'system:authenticated'],
      extra: { 'team/a': ['blue'] },
    });
  });

  test.each(VERSIONS)('and so are its sessions (%s)', async version => {
    const marker = `by-front-proxy-${version}`;
    const result = await kubectlAt(front.url, caPem, version)(execOf(marker), ['--token', 'anything']);
    expect(result).toMatchObject({ code: 0, stdout: `${marker}\n` });
    expect(await castWith(recorder.dir, marker)).toContain('"user":"Zoë"');
  });

  test('from anybody else the headers count for nothing and go nowhere', async () => {
    const kubectl = kubectlAt(liar.url, caPem);
    expect((await kubectl(WHO, ['--token', 'token-of-admin'])).stdout).toBe(
      'admin ["admins","system:authenticated"]',
    );
    const nobody = await kubectl(PODS, ['--token', 'none']);
    expect(nobody.code).toBe(1);
  });
});

describe('noauth, with real kubectl', () => {
  let proxy: ProxyProcess;
  let localApi: FakeLocalApi;
  beforeAll(async () => {
    localApi = await fakeLocalApi();
    proxy = await startProxyProcess(
      [recorder.address],
      {
        upstream: { kubeconfig: 'upstream.kubeconfig', mode: 'noauth' },
        identity: { tailscale: { socket: localApi.socketPath } },
        grants: [],
      },
      { accounts: ACCOUNTS },
    );
    closing.push(() => localApi.close());
    closing.push(() => proxy.stop());
    const rules = [{ recorderAddrs: [recorder.address], enforceRecorder: true }];
    localApi.peers.set('127.0.0.1', userPeer({ [CAPABILITY]: rules }));
  });
  const kubectl = (args: readonly string[], token: string, version?: KubectlVersion) =>
    kubectlAt(proxy.url, proxy.caPem, version)(args, ['--token', token]);

  test('the API server sees the own token of the caller', async () => {
    expect((await kubectl(WHO, 'token-for-the-api')).stdout).toBe('dora ["ops","system:authenticated"]');
  });

  test.each(VERSIONS)('and the recording has the device (%s)', async version => {
    const marker = `by-own-token-${version}`;
    const result = await kubectl(execOf(marker), 'token-for-the-api', version);
    expect(result).toMatchObject({ code: 0, stdout: `${marker}\n` });
    expect(await castWith(recorder.dir, marker)).toContain('"srcNode":"laptop.tail1234.ts.net"');
    const [started] = auditOf(proxy, 'session.started');
    expect(started).toMatchObject({
      user: { name: 'ann@corp.com', source: 'tailscale', device: 'laptop.tail1234.ts.net' },
    });
  });

  test('a token that the API server does not know is refused there, and the proxy does not step in', async () => {
    const result = await kubectl(PODS, 'no-token-at-all');
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('must be logged in') });
  });

  test('whom the caller may act as is for the API server to say', async () => {
    const result = await kubectl([...PODS, '--as', 'root'], 'token-for-the-api');
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('"dora" cannot impersonate') });
  });

  test('nobody from outside of the tailnet, whatever the token', async () => {
    const [peer] = localApi.peers.values();
    localApi.peers.clear();
    const result = await kubectl(PODS, 'token-for-the-api');
    localApi.peers.set('127.0.0.1', peer);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('not that of a device') });
  });
});
