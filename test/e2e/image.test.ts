import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import lock from '../../package-lock.json' with { type: 'json' };
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { layBase, mayMount, startContainer, type Volume } from '../support/container.ts';
import { execForm, lastOf, pairsIn, parseDockerfile, type Stage } from '../support/dockerfile.ts';
import { buildImage } from '../support/image.ts';
import { kubectlPath } from '../support/kubectl.ts';
import { readCast, reader, until } from '../support/try-cluster.ts';

/** What package-lock.json says of one package. */
interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

const TOKEN = 'token-of-bob-in-the-pod';
const dir = mkdtempSync(join(tmpdir(), 'kubewitness-image-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the Dockerfile', () => {
  const stages = parseDockerfile(readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8'));
  const last = stages.at(-1);
  if (last === undefined) throw new Error('no stage');

  test('both stages start from one exact version of a slim node:24', () => {
    for (const { base } of stages) expect(base).toMatch(/^node:24\.\d+\.\d+-slim(@sha256:[0-9a-f]{64})?$/);
    expect(new Set(stages.map(({ base }) => base)).size).toBe(1);
  });

  test('what runs needs no shell, no root and no health check of the engine', () => {
    expect(execForm(lastOf(last, 'ENTRYPOINT'))).toEqual(['node', 'dist/src/main.js']);
    expect(execForm(lastOf(last, 'CMD'))).toEqual(['proxy', '--config', '/etc/kubewitness/proxy.yaml']);
    expect(lastOf(last, 'USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(lastOf(last, 'HEALTHCHECK')).toBe('NONE');
    expect(last.steps.filter(({ name }) => name === 'RUN')).toEqual([]);
  });

  test('every command is npm on the lockfile, or a script of package.json', () => {
    const commands = stages.flatMap(({ steps }) =>
      steps.filter(({ name }) => name === 'RUN').map(({ text }) => text),
    );
    const scripts = Object.keys(packageJson.scripts).map(name => `npm run ${name}`);
    for (const command of commands) expect(['npm ci', ...scripts]).toContain(command);
  });

  test('its labels say what package.json says', () => {
    expect(pairsIn(last, 'LABEL')).toMatchObject({
      'org.opencontainers.image.title': packageJson.name,
      'org.opencontainers.image.version': packageJson.version,
      'org.opencontainers.image.licenses': packageJson.license,
    });
  });
});

describe.runIf(mayMount())('the image, built by its Dockerfile and run as a pod runs it', () => {
  let root: string;
  let stage: Stage;
  let sandbox: Sandbox;
  let caPem: string;
  const running: { child: ChildProcess; output: () => string }[] = [];

  function start(command: readonly string[], volumes: readonly Volume[]) {
    const child = startContainer({
      root,
      workdir: lastOf(stage, 'WORKDIR') ?? '/',
      env: pairsIn(stage, 'ENV'),
      user: lastOf(stage, 'USER') ?? '',
      command: [...execForm(lastOf(stage, 'ENTRYPOINT')), ...command],
      volumes,
    });
    const { text } = reader(child);
    running.push({ child, output: text });
    return {
      child,
      /** What its line of standard output says; the ports are in there. */
      said: async (pattern: RegExp): Promise<string> => {
        await until(() => {
          if (pattern.test(text())) return true;
          if (child.exitCode !== null)
            throw new Error(`${command[0]} ended with ${child.exitCode}: ${text()}`);
          return false;
        });
        return pattern.exec(text())?.[1] ?? '';
      },
    };
  }

  function folder(name: string, files: Readonly<Record<string, string>> = {}): string {
    const path = join(dir, name);
    mkdirSync(path);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  }

  beforeAll(async () => {
    const image = folder('image');
    ({ root, stage } = await buildImage(image));
    layBase(root);
    sandbox = await startSandbox({ dir: join(dir, 'cluster') });
  }, 300_000);
  afterAll(async () => {
    for (const { child } of running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
    await sandbox?.close();
  });

  test("it holds the lockfile's production packages, each in its version, and nothing else", () => {
    // npm's own account of what it has installed.
    const hidden = JSON.parse(readFileSync(join(root, 'app/node_modules/.package-lock.json'), 'utf8')) as {
      packages: Record<string, Locked>;
    };
    const wanted: [string, Locked][] = Object.entries(lock.packages);
    const production = wanted.filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    );
    const brief = (entries: readonly [string, Locked][]) =>
      Object.fromEntries(
        entries.map(([path, { version, integrity }]) => [path, `${version} ${integrity}`] as const).sort(),
      );
    expect(brief(Object.entries(hidden.packages))).toEqual(brief(production));
    const installed = readdirSync(join(root, 'app/node_modules')).filter(name => !name.startsWith('.'));
    const named = new Set(
      production.map(([path]) => path.replace(/^node_modules\//, '').split('/')[0] ?? ''),
    );
    expect(installed.sort()).toEqual([...named].sort());
    expect(readdirSync(join(root, 'app')).sort()).toEqual([
      'LICENSE',
      'dist',
      'node_modules',
      'package.json',
    ]);
    expect(existsSync(join(root, 'app/dist/live/index.html'))).toBe(true);
  });

  test('a real kubectl exec goes through it, recorded, on a read-only root as nobody', async () => {
    const recordings = folder('recordings');
    const recorder = start(
      ['recorder', '--dir', '/recordings', '--port', '0'],
      [{ from: recordings, to: '/recordings', writable: true }],
    );
    const recorderAddress = await recorder.said(/recorder listening on (\S+),/);

    const certificates = await createCertificates(['localhost'], ['127.0.0.1']);
    caPem = certificates.caPem;
    const config = folder('config', {
      'tls.crt': certificates.certPem,
      'tls.key': certificates.keyPem,
      'upstream.kubeconfig': kubeconfig(sandbox.url, sandbox.caPem, sandbox.token),
      'proxy.yaml': JSON.stringify({
        listen: { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'tls.key' } },
        admin: { port: 0 },
        upstream: { kubeconfig: 'upstream.kubeconfig' },
        identity: { static: [{ user: 'bob', token: TOKEN }] },
        grants: [{ subjects: [{ user: 'bob' }], recorderAddrs: [recorderAddress], enforceRecorder: true }],
        audit: { file: '/var/lib/kubewitness/audit.jsonl' },
      }),
    });
    const state = folder('state');
    // CMD as it stands: this is how a pod without `args` starts.
    const proxy = start(execForm(lastOf(stage, 'CMD')), [
      { from: config, to: '/etc/kubewitness' },
      { from: state, to: '/var/lib/kubewitness', writable: true },
    ]);
    const url = await proxy.said(/proxy listening on (\S+),/);

    for (const { child } of [recorder, proxy]) {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
      expect(status).toMatch(/^Gid:\t65532\t65532\t65532\t65532$/m);
      expect(status).toMatch(/^Groups:\t *$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      const mounted = readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8').split('\n');
      expect(mounted.find(line => line.split(' ')[4] === '/')).toMatch(/ \/ ro[, ]/);
    }
    expect(existsSync(join(root, 'bin/sh'))).toBe(false);

    writeFileSync(join(dir, 'kubeconfig'), kubeconfig(url, caPem, TOKEN));
    const { code, stdout, stderr } = await kubectl(['exec', 'shell', '--', 'echo', 'from the image']);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'from the image\n' });
    const casts = (): string[] => readdirSync(recordings).filter(name => name.endsWith('.cast'));
    await until(() => casts().length === 1);
    expect(readCast(join(recordings, casts()[0] ?? '')).text).toContain('from the image');

    // As docs/operate.md has it, in a pod that is like the first.
    const doctor = start(
      ['doctor', '--config', '/etc/kubewitness/proxy.yaml'],
      [
        { from: config, to: '/etc/kubewitness' },
        { from: state, to: '/var/lib/kubewitness', writable: true },
      ],
    );
    await doctor.said(/(all is well)\n$/);

    const exit = once(proxy.child, 'exit');
    proxy.child.kill('SIGTERM');
    expect((await exit)[0]).toBe(0);
    const audit = readFileSync(join(state, 'audit.jsonl'), 'utf8');
    expect(audit).toContain('"outcome":"recorded"');
    expect(audit).toContain('"proxy.stopped"');
  });

  function kubeconfig(server: string, ca: string, token: string): string {
    const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  }

  async function kubectl(args: readonly string[]) {
    const path = await kubectlPath('1.36');
    const env = { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: join(dir, 'kubeconfig') };
    return new Promise<{ code: number; stdout: string; stderr: string }>(resolve => {
      execFile(path, args, { env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  }
});
