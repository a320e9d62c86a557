import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { authority } from '../src/identity/clients.ts';
import type { FakeSocks5 } from '../src/recording/fake-socks5.ts';
import { startSocks5 } from '../src/recording/fake-socks5.ts';
import type { FakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { CAPABILITY, taggedPeer, userPeer } from '../src/tailscale/peers.ts';
import { castWith, DEVICE, execOf, kubectlAt, PODS, WHO } from '../support/kubectl-at.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';
import type { RelayedFor } from '../support/proxy-relay.ts';
import { startProxyRelay } from '../support/proxy-relay.ts';
import { until } from '../support/try-cluster.ts';

/** Everything by way of the tailnet: the certificate, the callers behind a Service, and the recorders. */
let localApi: FakeLocalApi;
let recorder: RecorderProcess;
let socks5: FakeSocks5;
let proxy: ProxyProcess;
let relay: Awaited<ReturnType<typeof startProxyRelay>>;
let caPem: string;
const source: RelayedFor = { address: '100.64.0.7', port: 40_000 };

beforeAll(async () => {
  const letsEncrypt = await authority('an authority for the tailnet');
  const { cert, key } = await letsEncrypt.issue(
    { CN: 'kube.tail1234.ts.net', O: undefined },
    { server: true },
  );
  caPem = letsEncrypt.caPem;
  localApi = await fakeLocalApi();
  localApi.answers.set('cert', { status: 200, body: `${key.trim()}\n${cert.trim()}\n` });
  recorder = await RecorderProcess.start(
    join(mkdtempSync(join(tmpdir(), 'kubewitness-tailnet-')), 'recorder'),
  );
  socks5 = await startSocks5();
  const socket = localApi.socketPath;
  proxy = await startProxyProcess([], {
    listen: {
      address: '127.0.0.1',
      port: 0,
      tls: { tailscale: { domain: 'kube.tail1234.ts.net', socket } },
      proxyProtocol: { trusted: ['127.0.0.1'] },
    },
    identity: { tailscale: { socket } },
    grants: [{ subjects: [{ user: '*@corp.com' }], recorderAddrs: [recorderName()], enforceRecorder: true }],
    recording: { socks5: socks5.authority },
  });
  relay = await startProxyRelay(Number(new URL(proxy.url).port), source);
});
afterAll(async () => {
  relay.close();
  await proxy.stop();
  socks5.close();
  await recorder.kill();
  await localApi.close();
});

beforeEach(() => {
  Object.assign(source, { address: '100.64.0.7', port: 40_000 });
});

/** Only the SOCKS5 proxy knows that name. */
const recorderName = () => `recorder.tail1234.ts.net:${recorder.address.split(':')[1]}`;
const rule = { impersonate: { groups: ['tailnet-dev'] } };
/** tailscaled's certificate is what it shows, or kubectl would not go on. */
const kubectl = (args: readonly string[]) => kubectlAt(relay.url, caPem)(args, DEVICE);

test('the caller is the peer that the PROXY header names', async () => {
  localApi.peers.set('100.64.0.7:40000', userPeer({ [CAPABILITY]: [rule] }));
  localApi.peers.set('100.64.0.8:40001', taggedPeer());
  expect((await kubectl(WHO)).stdout).toBe('ann@corp.com ["tailnet-dev","system:authenticated"]');
  Object.assign(source, { address: '100.64.0.8', port: 40_001 });
  expect((await kubectl(WHO)).stdout).toBe(
    'runner.tail1234.ts.net ["tag:ci","tag:k8s","system:authenticated"]',
  );
  Object.assign(source, { address: '100.64.0.9', port: 40_002 });
  expect(await kubectl(PODS)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not that of a device'),
  });
});

test('a session is recorded by a recorder that only the SOCKS5 proxy leads to', async () => {
  localApi.peers.set('100.64.0.7:40000', userPeer({ [CAPABILITY]: [rule] }));
  expect(await kubectl(execOf('through-socks'))).toMatchObject({ code: 0, stdout: 'through-socks\n' });
  expect(await castWith(recorder.dir, 'through-socks')).toContain('"srcNode":"laptop.tail1234.ts.net"');
  expect(socks5.asked).toEqual([`name:${recorderName()}`]);
});

test('whoever connects without a PROXY header gets nothing', async () => {
  const direct = await kubectlAt(proxy.url, caPem)(WHO, DEVICE);
  expect(direct.code).toBe(1);
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.resume();
  socket.on('error', () => {});
  await once(socket, 'close');
  expect(socket.bytesRead).toBe(0);
});

test('logged out: said in /readyz and to the caller, and over once it is logged in again', async () => {
  localApi.peers.set('100.64.0.7:40000', userPeer());
  const stateOf = async (): Promise<string> => {
    const lines = (await (await fetch(`${proxy.admin}/readyz?verbose`)).text()).split('\n');
    return lines.find(line => line.includes(']identity-tailscale ')) ?? '';
  };
  await until(async () => (await stateOf()).includes('(Running since'));
  localApi.backendState = 'NeedsLogin';
  await until(async () => (await stateOf()).includes('(NeedsLogin since'));
  expect(await stateOf()).toMatch(/^\[-\]identity-tailscale failed: /);
  expect(await kubectl(PODS)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('it is logged out'),
  });
  localApi.backendState = 'Running';
  await until(async () => (await stateOf()).includes('(Running since'));
  expect(await stateOf()).toMatch(/^\[\+\]identity-tailscale ok: tailscaled is connected /);
  expect(await kubectl(PODS)).toMatchObject({ code: 0 });
});
