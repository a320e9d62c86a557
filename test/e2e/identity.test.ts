import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authority } from '../src/identity/clients.ts';
import type { FakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { CAPABILITY, userPeer } from '../src/tailscale/peers.ts';
import { castWith, DEVICE, execOf, kubectlAt, PODS, WHO } from '../support/kubectl-at.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubewitness-identity-'));
let recorder: RecorderProcess;
let localApi: FakeLocalApi;
let proxy: ProxyProcess;

beforeAll(async () => {
  const people = await authority('people');
  const cat = await people.issue({ CN: 'cat', O: 'dev' });
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  file('cat.crt', cat.cert);
  file('cat.key', cat.key);
  recorder = await RecorderProcess.start(join(dir, 'recorder'));
  localApi = await fakeLocalApi();
  proxy = await startProxyProcess([recorder.address], {
    identity: {
      order: ['clientCertificate', 'tailscale', 'static'],
      clientCertificate: { ca: file('people.pem', people.caPem) },
      static: [{ user: 'admin', groups: ['admins'], token: 'token-of-admin' }],
      tailscale: { socket: localApi.socketPath },
    },
    grants: [
      { subjects: [{ group: 'dev' }], recorderAddrs: [recorder.address], enforceRecorder: true },
      { subjects: [{ group: 'admins' }], impersonateAs: { users: ['ann'], groups: ['helpdesk'] } },
    ],
  });
});
afterAll(async () => {
  await proxy.stop();
  await localApi.close();
  await recorder.kill();
});

const kubectl = (args: readonly string[], credentials: readonly string[] = []) =>
  kubectlAt(proxy.url, proxy.caPem)(args, credentials);
const CERTIFICATE = ['--client-certificate', join(dir, 'cat.crt'), '--client-key', join(dir, 'cat.key')];
const TOKEN = ['--token', 'token-of-admin'];

describe('who calls, with real kubectl', () => {
  test('a client certificate: common name and organizations, and the rules of the group', async () => {
    expect((await kubectl(WHO, CERTIFICATE)).stdout).toMatch(/^cat .*"dev"/);
    const result = await kubectl(execOf('by-certificate'), CERTIFICATE);
    expect(result).toMatchObject({ code: 0, stdout: 'by-certificate\n' });
    await castWith(recorder.dir, 'by-certificate');
  });

  test('a device of the tailnet: its owner, the groups of the capability, and its name in the cast', async () => {
    localApi.peers.set('127.0.0.1', userPeer({ [CAPABILITY]: [rule()] }));
    const who = await kubectl(WHO, DEVICE);
    expect(who.stdout).toMatch(/^ann@corp\.com .*"tailnet-dev"/);
    await kubectl(execOf('by-device'), DEVICE);
    expect(await castWith(recorder.dir, 'by-device')).toContain('"srcNode":"laptop.tail1234.ts.net"');
  });

  test('a capability that cannot be read refuses everything', async () => {
    localApi.peers.set('127.0.0.1', userPeer({ [CAPABILITY]: [{ enforceRecorder: 'yes' }] }));
    const result = await kubectl(PODS, DEVICE);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('your grant cannot be read');
  });

  test('a peer that nobody knows, and a tailscaled that is not logged in', async () => {
    localApi.peers.clear();
    expect((await kubectl(PODS, DEVICE)).code).toBe(1);
    localApi.backendState = 'NeedsLogin';
    const result = await kubectl(PODS, DEVICE);
    localApi.backendState = 'Running';
    expect(result.code).toBe(1);
  });

  test('--as: refused without a rule, allowed by one, and the real caller is shown upstream', async () => {
    const refused = await kubectl([...PODS, '--as', 'root'], TOKEN);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('impersonateAs');
    const allowed = await kubectl(
      ['auth', 'whoami', '-o', 'json', '--as', 'ann', '--as-group', 'helpdesk'],
      TOKEN,
    );
    expect(JSON.parse(allowed.stdout).status.userInfo).toMatchObject({
      username: 'ann',
      extra: { 'kubewitness.dev/original-user': ['admin'] },
    });
    const exec = await kubectl(execOf('as-ann'), [...TOKEN, '--as', 'ann', '--as-group', 'helpdesk']);
    expect(exec).toMatchObject({ code: 0 });
    const records = readFileSync(proxy.auditFile, 'utf8').trimEnd().split('\n');
    expect(records.map(line => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        type: 'session.started',
        user: expect.objectContaining({ name: 'ann', groups: ['helpdesk'], original: 'admin' }),
      }),
    );
  });
});

function rule(): object {
  return {
    impersonate: { groups: ['tailnet-dev'] },
    recorderAddrs: [recorder.address],
    enforceRecorder: true,
  };
}
