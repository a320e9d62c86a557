import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Finding } from '../../src/cli/doctor.ts';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { deadAddress } from '../src/recording/fake-recorders.ts';
import { type ProxyProcess, RecorderProcess, startProxyProcess } from '../support/process-group.ts';
import { kubewitness } from '../support/try-cluster.ts';

let proxy: ProxyProcess;
let recorder: RecorderProcess;
beforeAll(async () => {
  recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-doctor-')));
  proxy = await startProxyProcess([recorder.address]);
});
afterAll(async () => {
  await proxy.stop();
  await recorder.kill();
});

/** The running proxy's configuration with some fields in other ways, beside it. */
function changed(changes: object): string {
  const file = join(proxy.dir, 'doctor.yaml');
  writeFileSync(
    file,
    stringify({ ...parse(readFileSync(join(proxy.dir, 'proxy.yaml'), 'utf8')), ...changes }),
  );
  return file;
}

async function doctor(file: string) {
  const { code, stdout } = await kubewitness(['doctor', '--config', file, '--output', 'json']);
  const report: { ok: boolean; checks: Finding[] } = JSON.parse(stdout.toString());
  expect(code).toBe(report.ok ? 0 : 1);
  const bad = report.checks.filter(({ state }) => state === 'failed');
  expect(report.checks.filter(({ fix }) => fix !== undefined)).toEqual(bad);
  return { ...report, bad };
}

test('beside a proxy that is well, everything is, and its audit is left alone', async () => {
  const before = readFileSync(proxy.auditFile, 'utf8');
  const { code, stdout, stderr } = await kubewitness(['doctor', '--config', join(proxy.dir, 'proxy.yaml')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.toString().trimEnd().split('\n');
  expect(lines.map(line => line.split(/ {2,}/).slice(0, 2).join(' '))).toEqual([
    'ok config',
    'ok upstream',
    'ok clock',
    'ok impersonation',
    'ok identity',
    'ok certificate',
    'ok recorder-access',
    `ok recorder ${recorder.address}`,
    'ok audit',
    'all is well',
  ]);
  expect(stdout.toString()).toContain('it speaks v2');
  expect(readFileSync(proxy.auditFile, 'utf8')).toBe(before);
});

describe('says what to mend', () => {
  test('a configuration with problems: a line each, and nothing else is tried', async () => {
    const { checks } = await doctor(changed({ listen: { port: 'x' }, audit: {} }));
    expect(checks.length).toBeGreaterThan(1);
    for (const finding of checks) expect(finding).toMatchObject({ name: 'config', state: 'failed' });
    expect(checks.map(({ text }) => text).join('\n')).toMatch(/doctor\.yaml:\d+: listen\.port: /);
  });

  test('an API server that is not there: what hangs on it is not blamed', async () => {
    const { checks, bad } = await doctor(changed({ upstream: { kubeconfig: 'nowhere.kubeconfig' } }));
    expect(bad).toMatchObject([
      { name: 'upstream', text: expect.stringContaining('nowhere.kubeconfig: no such file') },
    ]);
    const waiting = checks.filter(({ state }) => state === 'notTried').map(({ name }) => name);
    expect(waiting).toEqual(['clock', 'identity']);
    expect(checks.map(({ name }) => name)).toContain(`recorder ${recorder.address}`);
  });

  test('an API server that does not answer', async () => {
    const text = readFileSync(join(proxy.dir, 'upstream.kubeconfig'), 'utf8');
    const away = text.replace(proxy.sandbox.url, `https://${await deadAddress()}`);
    writeFileSync(join(proxy.dir, 'away.kubeconfig'), away);
    const { checks, bad } = await doctor(changed({ upstream: { kubeconfig: 'away.kubeconfig' } }));
    expect(bad).toMatchObject([{ name: 'upstream', text: expect.stringContaining('cannot be used') }]);
    const waiting = checks.filter(({ state }) => state === 'notTried').map(({ name }) => name);
    expect(waiting).toEqual(['clock', 'impersonation']);
  });

  test('rights that are missing, and a clock that is wrong', async () => {
    const { certPem, keyPem, caPem } = await createCertificates(['localhost'], ['127.0.0.1']);
    const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
      response.setHeader('Date', new Date(Date.now() - 90_000).toUTCString());
      response.setHeader('Content-Type', 'application/json');
      request.resume();
      response.end(JSON.stringify({ kind: 'SelfSubjectAccessReview', status: { allowed: false } }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority-data': Buffer.from(caPem).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token: 'poor' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(join(proxy.dir, 'poor.kubeconfig'), stringify(kubeconfig));
    const { bad } = await doctor(
      changed({ upstream: { kubeconfig: 'poor.kubeconfig' }, identity: { tokenReview: {} } }),
    );
    expect(bad.map(({ name }) => name)).toEqual(['clock', 'impersonation', 'identity-tokenReview']);
    expect(bad[0]?.text).toMatch(/^our clock is 9\d\.\d s ahead of the API server's$/);
    expect(bad[1]?.text).toContain('we may not impersonate users, groups, uids');
    expect(bad[1]?.fix).toContain('ClusterRole');
  });

  test('a recorder that is away, by its address, and a good one beside it', async () => {
    const dead = await deadAddress();
    const grants = [{ subjects: [{ user: 'ann' }], recorderAddrs: [dead, recorder.address] }];
    const { bad, checks } = await doctor(changed({ grants }));
    expect(bad).toMatchObject([{ name: `recorder ${dead}`, text: expect.stringContaining('ECONNREFUSED') }]);
    expect(checks.find(({ name }) => name === `recorder ${recorder.address}`)).toMatchObject({ state: 'ok' });
  });

  test('a recorder in the clear that we would speak to in TLS', async () => {
    const { bad } = await doctor(changed({ recording: { tls: {} } }));
    expect(bad.map(({ name }) => name)).toEqual([`recorder ${recorder.address}`]);
  });

  test('a certificate that does not go with its key', async () => {
    const { keyPem } = await createCertificates(['localhost'], []);
    writeFileSync(join(proxy.dir, 'other.key'), keyPem);
    const { bad } = await doctor(
      changed({ listen: { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'other.key' } } }),
    );
    expect(bad.map(({ name }) => name)).toEqual(['certificate']);
  });

  test('an audit that has no place', async () => {
    const { bad } = await doctor(changed({ audit: { file: 'nowhere/audit.jsonl' } }));
    expect(bad).toMatchObject([{ name: 'audit', text: expect.stringContaining('ENOENT') }]);
  });

  test('a mistyped command', async () => {
    const { code, stderr } = await kubewitness(['doctor']);
    expect(code).toBe(1);
    expect(stderr).toContain("required option '--config <file>' not specified");
  });
});
