import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { kubewitness } from '../support/try-cluster.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubewitness-cli-'));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};

beforeAll(async () => {
  const { certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  file('tls.crt', certPem);
  file('tls.key', keyPem);
});

const proxyYaml = (changes: { port?: number; server?: string } = {}): string => {
  file(
    'upstream.kubeconfig',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: changes.server ?? 'http://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  return JSON.stringify({
    listen: { address: '127.0.0.1', port: changes.port ?? 0, tls: { cert: 'tls.crt', key: 'tls.key' } },
    admin: { address: '127.0.0.1', port: 0 },
    upstream: { kubeconfig: 'upstream.kubeconfig' },
    identity: { static: [{ user: 'ann', token: 'secret' }] },
    audit: { file: 'audit.jsonl' },
  });
};

async function busyPort(): Promise<{ port: number; free: () => void }> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, free: () => server.close() };
}

describe('bad input gets a clear line, an exit code and no stack trace', () => {
  const rows: readonly [name: string, args: () => string[], says: readonly RegExp[]][] = [
    ['unknown command', () => ['prxy'], [/unknown command 'prxy'/, /proxy/]],
    ['unknown flag', () => ['proxy', '--confg', 'x'], [/unknown option '--confg'/, /--config/]],
    ['missing flag', () => ['proxy'], [/--config/]],
    ['missing file', () => ['proxy', '--config', join(dir, 'none.yaml')], [/none\.yaml/, /no such file/]],
    [
      'every problem of a configuration at once, with its path',
      () => ['proxy', '--config', file('bad.yaml', 'listen: { port: 99999 }\nidenttiy: {}\ngrants: 5\n')],
      [/listen\.port/, /listen\.tls/, /identtiy/, /grants/],
    ],
    ['broken YAML', () => ['proxy', '--config', file('broken.yaml', 'a: [1\nb: "\n')], [/broken\.yaml:\d+/]],
    [
      'unreachable API server',
      () => ['proxy', '--config', file('proxy.yaml', proxyYaml())],
      [/API server/, /127\.0\.0\.1:1/],
    ],
    ['bad port of the recorder', () => ['recorder', '--dir', dir, '--port', '70000'], [/0 to 65535/]],
  ];
  test.each(rows)('%s', async (_name, args, says) => {
    const result = await kubewitness(args(), dir);
    expect(result.code).toBe(1);
    for (const words of says) expect(result.stderr).toMatch(words);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  test('everything that the start lacks, a line each', async () => {
    const lacking = {
      ...JSON.parse(proxyYaml()),
      listen: { address: '127.0.0.1', port: 0, tls: { cert: 'none.crt', key: 'tls.key' } },
      identity: { static: [{ user: 'ann', tokenFile: 'none.token' }], clientCertificate: { ca: 'none.ca' } },
      recording: { tls: { ca: 'none.recorders' } },
      audit: { file: 'a-folder' },
    };
    mkdirSync(join(dir, 'a-folder'));
    const path = file('lacking.yaml', JSON.stringify(lacking));
    const { code, stderr } = await kubewitness(['proxy', '--config', path], dir);
    expect(code).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    const missing = ['none.crt', 'none.ca', 'none.token', 'none.recorders', 'a-folder', '127.0.0.1:1'];
    for (const what of missing)
      expect(
        lines.filter(line => line.includes(what)),
        what,
      ).toHaveLength(1);
    expect(lines).toHaveLength(missing.length);
  });

  test('a port in use', async () => {
    const busy = await busyPort();
    const recorder = await kubewitness(['recorder', '--dir', join(dir, 'rec'), '--port', String(busy.port)]);
    busy.free();
    expect(recorder.code).toBe(1);
    expect(recorder.stderr).toContain(String(busy.port));
    expect(recorder.stderr).toContain('in use');
    expect(recorder.stderr).not.toMatch(/^\s+at /m);
  });

  test('what would be decided: the answer, and 1 for a refusal', async () => {
    const config = file(
      'asked.yaml',
      JSON.stringify({
        ...JSON.parse(proxyYaml()),
        grants: [{ subjects: [{ user: 'ann' }], recorderAddrs: ['rec:8181'], enforceRecorder: true }],
      }),
    );
    const ask = ['check', '--config', config, '--as', 'ann', '--request', 'exec default/shell'];
    const recorded = await kubewitness(ask);
    expect(recorded).toMatchObject({ code: 0, stderr: '' });
    expect(recorded.stdout.toString()).toContain('recorded by rec:8181, else refused: grants[0]');

    const lost = await kubewitness([...ask, '--lost', 'rec:8181']);
    expect(lost).toMatchObject({ code: 1, stderr: '' });
    expect(lost.stdout.toString()).toContain('refused, since no recorder is left');

    const alone = await kubewitness(['check', '--config', config, '--lost', 'rec:8181']);
    expect(alone).toMatchObject({ code: 1, stderr: '' });
    expect(alone.stdout.toString()).toMatch(/^refused:\n {2}user ann: .*grants\[0\]\nnot touched: \d of \d/);

    const good = await kubewitness(['check', '--config', config]);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout.toString()).toMatch(/is good\ncallers are known by .*\ngrants\[0\]: user ann\n/);

    const nobody = await kubewitness(['check', '--config', config, '--request', 'exec default/shell']);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('--request goes with --as or --serviceaccount');
  });

  test('help and version', async () => {
    expect((await kubewitness(['--help'])).stdout.toString()).toContain('try');
    expect((await kubewitness(['--version'])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
