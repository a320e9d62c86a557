import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/log.ts';
import { FolderStorage } from '../../src/recorder/folder-storage.ts';
import type { RunningRecorder } from '../../src/recorder/server.ts';
import { startRecorder } from '../../src/recorder/server.ts';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { authority, fixture } from '../src/identity/clients.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { startProxyProcess } from '../support/process-group.ts';
import { runKubectl } from '../support/proxy-kubectl.ts';
import { until } from '../support/try-cluster.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubewitness-rotation-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const WHO = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'];

let recorder: RunningRecorder;
let proxy: ProxyProcess;

beforeAll(async () => {
  const recorders = await authority('recorders');
  const server = await recorders.issue({ CN: 'localhost', O: undefined }, { server: true });
  recorder = await startRecorder({
    host: '127.0.0.1',
    port: 0,
    storage: await FolderStorage.open(join(dir, 'casts'), { clock: systemClock, log: silentLogger }),
    clock: systemClock,
    log: silentLogger,
    access: { uploadTokens: ['the-second-token'] },
    tls: server,
  });
  file('people.pem', fixture('ca.pem'));
  file('bob.token', 'bob-1\n');
  for (const name of ['good', 'revoked']) {
    file(`${name}.crt`, fixture(`${name}.pem`));
    file(`${name}.key`, fixture(`${name}.key`));
  }
  proxy = await startProxyProcess([`localhost:${recorder.port}`], {
    identity: identity({ crl: file('people.crl', fixture('outdated.crl')) }),
    recording: {
      tls: {
        ca: file('recorders.pem', recorders.caPem),
        tokenFile: file('recorder.token', 'the-first-token\n'),
      },
    },
    log: { level: 'info' },
  });
});
afterAll(async () => {
  await proxy.stop();
  await recorder.close(0);
});

function identity(revocation: object): object {
  return {
    clientCertificate: { ca: join(dir, 'people.pem'), ...revocation },
    static: [{ user: 'bob', tokenFile: join(dir, 'bob.token') }],
  };
}

const bearer = (token: string) => ['--token', token];
const certificate = (name: string) => [
  '--client-certificate',
  join(dir, `${name}.crt`),
  '--client-key',
  join(dir, `${name}.key`),
];
const who = (credentials: readonly string[]) => runKubectl(proxy, '1.36', credentials, WHO);

/** Writes a file and waits until the log has said so often, in these words, what came of it. */
async function rotate(name: string, text: string, words: string): Promise<void> {
  const said = () =>
    proxy
      .output()
      .split('\n')
      .filter(line => line.includes(words) && line.includes(`/${name}"`)).length;
  const before = said();
  file(name, text);
  await until(() => said() > before);
}
const APPLIED = 'configuration applied';
const REFUSED = 'configuration refused';

test('a static token', async () => {
  expect(await who(bearer('bob-1'))).toMatchObject({ code: 0, stdout: 'bob' });
  await rotate('bob.token', 'bob-2\n', APPLIED);
  expect(await who(bearer('bob-2'))).toMatchObject({ code: 0, stdout: 'bob' });
  expect((await who(bearer('bob-1'))).code).toBe(1);
});

test('the token that recorders know us by', async () => {
  const exec = ['exec', 'shell', '--', 'echo', 'recorded'];
  expect((await runKubectl(proxy, '1.36', bearer('bob-2'), exec)).code).toBe(1);
  await rotate('recorder.token', 'the-second-token\n', APPLIED);
  expect(await runKubectl(proxy, '1.36', bearer('bob-2'), exec)).toMatchObject({
    code: 0,
    stdout: 'recorded\n',
  });
});

test('a revocation list; a broken one keeps the old one in use', async () => {
  // A list that is out of date refuses everybody.
  expect((await who(certificate('good'))).code).toBe(1);
  await rotate('people.crl', fixture('list.crl'), APPLIED);
  expect(await who(certificate('good'))).toMatchObject({ code: 0, stdout: 'ann' });
  expect((await who(certificate('revoked'))).code).toBe(1);

  await rotate('people.crl', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n', REFUSED);
  const { status, text } = await readyz();
  expect(status).toBe(200);
  expect(text).toContain('revocation lists cannot be used');
  expect(await who(certificate('good'))).toMatchObject({ code: 0, stdout: 'ann' });
  expect((await who(certificate('revoked'))).code).toBe(1);
  await rotate('people.crl', fixture('list.crl'), APPLIED);
  expect((await readyz()).text).toMatch(/]config ok: sha256 [0-9a-f]{64} in force since [0-9TZ:.-]+$/m);
});

test("the listener's certificate", async () => {
  const { caPem, certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  const whoThere = () => runKubectl({ ...proxy, caPem }, '1.36', bearer('bob-2'), WHO);
  expect((await whoThere()).code).toBe(1);
  writeFileSync(join(proxy.dir, 'tls.key'), keyPem);
  process.kill(proxy.pid, 'SIGHUP');
  await until(() => proxy.output().includes('certificate not read again'));
  expect(await who(bearer('bob-2'))).toMatchObject({ code: 0 });
  writeFileSync(join(proxy.dir, 'tls.crt'), certPem);
  await until(() => proxy.output().includes('certificate read again'));
  expect(await whoThere()).toMatchObject({ code: 0, stdout: 'bob' });
  proxy = { ...proxy, caPem };
});

test('the authority of callers', async () => {
  const people = await authority('people');
  const cat = await people.issue({ CN: 'cat', O: 'dev' });
  file('cat.crt', cat.cert);
  file('cat.key', cat.key);
  // Beside a revocation list every authority needs one, and this one has none.
  const text = JSON.stringify({ ...proxy.configuration, identity: identity({}) });
  writeFileSync(join(proxy.dir, 'proxy.yaml'), text);
  await until(() => proxy.output().includes('"sections":["identity"]'));

  expect(await who(certificate('revoked'))).toMatchObject({ code: 0, stdout: 'bob' });
  expect((await who(certificate('cat'))).code).toBe(1);
  await rotate('people.pem', 'no certificate\n', REFUSED);
  expect((await readyz()).text).toContain('people.pem: it holds no certificate');
  expect(await who(certificate('good'))).toMatchObject({ code: 0, stdout: 'ann' });
  await rotate('people.pem', people.caPem, APPLIED);
  expect(await who(certificate('cat'))).toMatchObject({ code: 0, stdout: 'cat' });
  expect((await who(certificate('good'))).code).toBe(1);
});

async function readyz(): Promise<{ status: number; text: string }> {
  const response = await fetch(`${proxy.admin}/readyz?verbose`);
  return { status: response.status, text: await response.text() };
}
