import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigMapVolume } from '../support/config-map.ts';
import type { KubectlVersion } from '../support/kubectl.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { runKubectl, spawnKubectl } from '../support/proxy-kubectl.ts';
import { reader, until } from '../support/try-cluster.ts';

const ANN = ['--token', TOKENS.open];
const HIDDEN = 'hush-this-is-a-token';

let recorder: RecorderProcess;
let volume: ConfigMapVolume;
let proxy: ProxyProcess;

beforeAll(async () => {
  recorder = await RecorderProcess.start(
    join(mkdtempSync(join(tmpdir(), 'kubewitness-reload-')), 'recorder'),
  );
  const placeConfig = (dir: string, text: string): string => {
    volume = new ConfigMapVolume(dir);
    return volume.write({ 'proxy.yaml': text });
  };
  proxy = await startProxyProcess([recorder.address], { log: { level: 'info' } }, { placeConfig });
});
afterAll(async () => {
  await proxy.stop();
  await recorder.kill();
});

/** By a swapped symlink, as in a pod. */
function swap(changes: object): void {
  volume.write({ 'proxy.yaml': JSON.stringify({ ...proxy.configuration, ...changes }) });
}

function grants(forAnn: object): object {
  return { grants: [{ subjects: [{ user: 'ann' }], recorderAddrs: [recorder.address], ...forAnn }] };
}

async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${proxy.admin}/metrics`)).text();
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

const reloads = (outcome: string): Promise<number> =>
  metric(`kubewitness_config_reloads_total{outcome="${outcome}"}`);

/** Does it, and waits until the proxy has counted what came of it. */
async function counted(outcome: string, change: () => void): Promise<void> {
  const before = await reloads(outcome);
  change();
  await until(async () => (await reloads(outcome)) === before + 1);
}

/** What the probe says of the configuration. */
async function readyz(): Promise<{ status: number; config: string }> {
  const response = await fetch(`${proxy.admin}/readyz?verbose`);
  const lines = (await response.text()).split('\n');
  return { status: response.status, config: lines.find(line => line.includes(']config ')) ?? '' };
}

/** The last record of a change. */
function changed(): Record<string, unknown> {
  const records = readFileSync(proxy.auditFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  return records.findLast(({ type }) => type === 'config.changed') ?? {};
}

/** Of the youngest session with that in its command; undefined: it lives. */
async function outcomeOf(marker: string): Promise<string | undefined> {
  const response = await fetch(`${proxy.admin}/api/v1/sessions`);
  const { items } = (await response.json()) as {
    items: { command: string[]; startedAt: string; outcome?: string }[];
  };
  return items
    .filter(({ command }) => command.join(' ').includes(marker))
    .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt))
    .at(-1)?.outcome;
}

const exec = (version: KubectlVersion, marker: string) =>
  runKubectl(proxy, version, ANN, ['exec', 'shell', '--', 'echo', marker]);

describe.each(['1.29', '1.36'] as const)('kubectl %s', version => {
  test('a changed grant holds for the next exec, and a live session goes on as it was decided', async () => {
    const command = [
      'exec',
      '-i',
      'shell',
      '--',
      'sh',
      '-c',
      'echo begun; while read x; do echo "got $x"; done',
    ];
    const live = await spawnKubectl(proxy, version, ANN, command);
    const { seen } = reader(live);
    await seen('begun');

    // Nobody records, and yet somebody must.
    await counted('applied', () => swap(grants({ recorderAddrs: [], enforceRecorder: true })));
    const next = await exec(version, 'too-late');
    expect(next).toMatchObject({ code: 1, stdout: '' });
    expect(next.stderr).toMatch(/recorder/);
    expect(changed()).toMatchObject({
      applied: true,
      outcome: 'applied',
      trigger: 'files',
      sections: ['grants'],
      problems: [],
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(changed()['sha256Before']).not.toBe(changed()['sha256']);

    live.stdin?.write('hello\n');
    await seen('got hello');
    live.stdin?.end();
    const [code] = await once(live, 'close');
    expect(code).toBe(0);
    await until(async () => (await outcomeOf('begun')) !== undefined);
    expect(await outcomeOf('begun')).toBe('recorded');

    await counted('applied', () => swap(grants({})));
    expect(await exec(version, 'again')).toMatchObject({ code: 0, stdout: 'again\n' });
  });
});

test('a bad configuration keeps the old one, and says so everywhere but never a secret', async () => {
  await counted('refused', () =>
    swap({ identity: { static: [{ user: 'eve', token: HIDDEN, typo: HIDDEN }] }, grants: 1 }),
  );
  expect(await exec('1.36', 'as-before')).toMatchObject({ code: 0, stdout: 'as-before\n' });
  const problems = [
    expect.stringMatching(/proxy\.yaml:1: identity\.static\[0\]\.typo: there is no such field$/),
    expect.stringMatching(/proxy\.yaml:1: grants: /),
  ];
  expect(await metric('kubewitness_config_current')).toBe(0);
  expect(await readyz()).toEqual({
    status: 200,
    config: expect.stringMatching(
      /^\[\+\]config ok: sha256 .*; what its files say now is refused: .*typo: there is no such field; .*grants: /,
    ),
  });
  expect(changed()).toMatchObject({ applied: false, outcome: 'refused', problems });
  expect(proxy.output()).toContain('configuration refused; the one before stays in force');
  expect(proxy.output()).toMatch(/typo: there is no such field/);
  const said = [proxy.output(), readFileSync(proxy.auditFile, 'utf8'), (await readyz()).config];
  expect(said.join('\n')).not.toContain(HIDDEN);

  await counted('applied', () => swap(grants({})));
  expect(await metric('kubewitness_config_current')).toBe(1);
  expect((await readyz()).config).toMatch(
    /^\[\+\]config ok: sha256 [0-9a-f]{64} in force since [0-9TZ:.-]+$/,
  );
});

test('what needs a restart is named, and nothing else of that file is taken', async () => {
  await counted('needsRestart', () =>
    swap({ audit: { file: 'elsewhere.jsonl' }, ...grants({ recorderAddrs: [], enforceRecorder: true }) }),
  );
  const problems = ['needs a restart: audit.file'];
  expect(await readyz()).toEqual({
    status: 200,
    config: expect.stringContaining('; what its file says now waits: needs a restart: audit.file'),
  });
  expect(changed()).toMatchObject({ outcome: 'needsRestart', sections: ['grants'], problems });
  expect(proxy.output()).toContain('configuration needs a restart; the one before stays in force');
  expect(await exec('1.36', 'unchanged')).toMatchObject({ code: 0, stdout: 'unchanged\n' });
  await counted('applied', () => swap(grants({})));
});

test('SIGHUP takes what is there at once, and says so when that is nothing new', async () => {
  process.kill(proxy.pid, 'SIGHUP');
  await until(() => proxy.output().includes('configuration unchanged'));
  await counted('applied', () => {
    swap({ identity: { static: [{ user: 'ann', token: HIDDEN }] } });
    process.kill(proxy.pid, 'SIGHUP');
  });
  expect(changed()).toMatchObject({ trigger: 'SIGHUP', applied: true });
  const whoami = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'];
  expect(await runKubectl(proxy, '1.36', ['--token', HIDDEN], whoami)).toMatchObject({
    code: 0,
    stdout: 'ann',
  });
  expect((await runKubectl(proxy, '1.36', ANN, whoami)).code).toBe(1);
  expect(proxy.output()).not.toContain(HIDDEN);
});
