import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kubewitness, TryCluster, until } from '../support/try-cluster.ts';

let cluster: TryCluster;
beforeAll(async () => {
  cluster = await TryCluster.start();
  // The file is the program's own; a missing field fails the tests below.
  const kubeconfig = parse(readFileSync(cluster.ready.kubeconfig, 'utf8')) as {
    clusters: { cluster: { 'certificate-authority-data': string } }[];
    users: { name: string; user: { token: string } }[];
  };
  const ca = kubeconfig.clusters[0]?.cluster['certificate-authority-data'] ?? '';
  writeFileSync(join(cluster.dir, 'ca.pem'), Buffer.from(ca, 'base64'));
  for (const { name, user } of kubeconfig.users) {
    writeFileSync(join(cluster.dir, `${name}.token`), `${user.token}\n`);
  }
});
afterAll(async () => {
  expect(await cluster.stop()).toBe(0);
});

const file = (name: string): string => join(cluster.dir, name);
const check = (user: string, ...more: string[]) =>
  kubewitness([
    ...['check', '--roads', '--url', cluster.ready.proxy, '--ca', file('ca.pem')],
    ...['--token-file', file(`${user}.token`), '--pod', 'shell', ...more],
  ]);

/** Verdicts by the name of the road. */
function verdicts(stdout: Buffer): Map<string, { answer: string; verdict: string }> {
  const rows = stdout.toString().split('\n\n')[0]?.split('\n').slice(1) ?? [];
  return new Map(
    rows.map(row => {
      const [name = '', answer = '', verdict = ''] = row.split(/ {2,}/);
      return [name, { answer, verdict }];
    }),
  );
}

describe('check --roads', () => {
  test('under enforcement every road is recorded or refused', async () => {
    const result = await check('bob');
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    const rows = verdicts(result.stdout);
    expect(rows.size).toBeGreaterThan(50);
    const open = [...rows].filter(([, { verdict }]) => !/^(recorded|refused)/.test(verdict));
    expect(open).toEqual([]);
    expect(rows.get('exec, WebSocket')).toEqual({ answer: '101', verdict: 'recorded' });
    expect(rows.get('exec, SPDY')).toEqual({ answer: '101', verdict: 'recorded' });
    expect(rows.get('attach, SPDY')).toEqual({ answer: '101', verdict: 'recorded' });
    expect(rows.get('port-forward, tunnel')).toEqual({ answer: '403', verdict: 'refused' });
    expect(rows.get('nodes/proxy, run')).toEqual({ answer: '403', verdict: 'refused' });
    // What it calls recorded is: a cast for each, or the audit would say why not.
    const recorded = [...rows.values()].filter(({ verdict }) => verdict === 'recorded').length;
    await until(() => cluster.casts().length >= recorded);
  });

  test('without enforcement it says which roads are open, and exits 1', async () => {
    const result = await check('ann');
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/\d+ of \d+ roads lead past the recorder for this caller/);
    const rows = verdicts(result.stdout);
    for (const name of [
      'port-forward, SPDY',
      'port-forward, tunnel',
      'nodes/proxy, run',
      'a debug container, PATCH',
    ]) {
      expect(rows.get(name)?.verdict).toBe('PASSED UNRECORDED');
    }
    // What is refused to everyone is refused to ann.
    for (const name of ['exec, an unknown Upgrade', 'h2c on a list', 'WebSocket on an object']) {
      expect(rows.get(name)?.verdict).toBe('refused');
    }
  });

  test('a caller who may nothing proves nothing', async () => {
    writeFileSync(file('wrong.token'), 'wrong');
    const result = await check('wrong');
    expect(result.code).toBe(1);
    expect(result.stdout.toString()).toBe('');
    expect(result.stderr).toContain('the answer was 401');
  });
});

describe('check', () => {
  const good = (): string => join(cluster.dir, 'data/config/proxy.yaml');

  test('a good configuration', async () => {
    const result = await kubewitness(['check', '--config', good()]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.toString()).toContain('the configuration is good');
  });

  test('a bad one: every problem at once', async () => {
    writeFileSync(file('bad.yaml'), 'grants: [{ unrecordable: perhaps }]\nlisten: 5\n');
    const result = await kubewitness(['check', '--config', file('bad.yaml')]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/grants\[0\]\.unrecordable/);
    expect(result.stderr).toMatch(/listen/);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  test.each([
    ['nothing to check', ['check'], /give --config or --roads/],
    ['roads without an address', ['check', '--roads'], /needs --url, --ca, --token-file and --pod/],
    [
      'a pod that is a path',
      ['check', '--roads', '--url', 'https://a', '--ca', 'x', '--token-file', 'x', '--pod', 'a/../b'],
      /not a name of Kubernetes/,
    ],
    [
      'an address that is none',
      ['check', '--roads', '--url', 'a', '--ca', 'x', '--token-file', 'x', '--pod', 'a'],
      /not https:\/\/host:port/,
    ],
  ])('%s', async (_name, args, says) => {
    const result = await kubewitness(args);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(says);
  });
});
