import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { type KubectlVersion, kubectlPath } from '../../support/kubectl.ts';
import {
  type ProxyProcess,
  RecorderProcess,
  startProxyProcess,
  TOKENS,
  type UpstreamServer,
} from '../../support/process-group.ts';
import {
  type Cast,
  type CommandResult,
  readCast,
  type SessionItem,
  until,
} from '../../support/try-cluster.ts';
import { buildGo } from '../go-program.ts';
import { LinePeer } from '../line-peer.ts';

/** The two fail modes, as the contexts of the kubeconfig. */
export type Policy = 'open' | 'closed';
export const POLICIES: readonly Policy[] = ['open', 'closed'];

const USERS = { open: 'ann', closed: 'bob' } as const;

/** A command line to run, and what it is given. */
export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin?: Buffer;
}

/** The proxy and a recorder, in front of the real API server's upgrade code and a real streaming server. */
export class Stand {
  readonly #proxy: ProxyProcess;
  readonly #recorder: RecorderProcess;
  readonly #apiserver: LinePeer;

  private constructor(proxy: ProxyProcess, recorder: RecorderProcess, apiserver: LinePeer) {
    this.#proxy = proxy;
    this.#recorder = recorder;
    this.#apiserver = apiserver;
  }

  static async start(dir: string): Promise<Stand> {
    const binary = await buildGo('apiserver');
    const recordings = join(dir, 'recordings');
    mkdirSync(recordings);
    const recorder = await RecorderProcess.start(recordings);
    let apiserver: LinePeer | undefined;
    const between = async (sandbox: Sandbox, folder: string): Promise<UpstreamServer> => {
      const ca = join(folder, 'sandbox-ca.crt');
      writeFileSync(ca, sandbox.caPem);
      const { url, token } = sandbox;
      apiserver = new LinePeer(binary, [
        ...['-objects', url, '-ca', ca, '-token', token],
        ...['-pods', join(folder, 'cluster', 'pods')],
      ]);
      // Written by the program beside this file.
      const ready = (await apiserver.next()) as { url: string; caPem: string };
      return { ...ready, token };
    };
    const proxy = await startProxyProcess([recorder.address], {}, { between });
    if (apiserver === undefined) throw new Error('the proxy was started without its upstream');
    writeFileSync(join(proxy.dir, 'kubeconfig'), kubeconfig(proxy));
    return new Stand(proxy, recorder, apiserver);
  }

  get dir(): string {
    return this.#proxy.dir;
  }
  get kubeconfig(): string {
    return join(this.#proxy.dir, 'kubeconfig');
  }

  async kubectl(
    version: KubectlVersion,
    policy: Policy,
    args: readonly string[],
    stdin?: Buffer,
  ): Promise<CommandResult> {
    return this.run(await this.#kubectl(version, policy, args, stdin));
  }

  /** The same with a terminal of 100 columns and 30 rows; both streams are one there. */
  async terminal(
    version: KubectlVersion,
    policy: Policy,
    args: readonly string[],
    stdin?: Buffer,
  ): Promise<CommandResult> {
    const { program, args: words } = await this.#kubectl(version, policy, args);
    const command = [program, ...words].map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    return this.run({
      program: 'script',
      args: ['-qec', `stty rows 30 cols 100; exec ${command}`, '/dev/null'],
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  async startKubectl(
    version: KubectlVersion,
    policy: Policy,
    args: readonly string[],
  ): Promise<ChildProcess> {
    const { program, args: words } = await this.#kubectl(version, policy, args);
    return spawn(program, words, { env: this.#environment(), stdio: 'pipe' });
  }

  /** Runs a client to its end. */
  async run({ program, args, stdin }: Invocation): Promise<CommandResult> {
    const child = spawn(program, args, { env: this.#environment(), stdio: 'pipe' });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', chunk => stdout.push(chunk));
    child.stderr.on('data', chunk => {
      stderr += String(chunk);
    });
    // A program that has ended before it read its input says why by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    const [code] = await once(child, 'close');
    return { code: code ?? -1, stdout: Buffer.concat(stdout), stderr };
  }

  /** The ended session of the pod or command that holds the marker, and its cast. */
  async recorded(marker: string): Promise<{ readonly session: SessionItem; readonly cast: Cast }> {
    let session: SessionItem | undefined;
    await until(async () => {
      const response = await fetch(`${this.#proxy.admin}/api/v1/sessions`);
      const { items } = (await response.json()) as { items: SessionItem[] };
      session = items.find(
        item => [item.pod, ...item.command].join(' ').includes(marker) && item.state === 'closed',
      );
      return session !== undefined;
    });
    let cast: Cast | undefined;
    await until(() => {
      cast = readdirSync(this.#recorder.dir)
        .filter(name => name.endsWith('.cast'))
        .map(name => readCast(join(this.#recorder.dir, name)))
        .find(one => one.header.kubewitness.sessionId === session?.id);
      return cast !== undefined;
    });
    if (session === undefined || cast === undefined) throw new Error(`no recording of ${marker}`);
    return { session, cast };
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await this.#apiserver.stop();
    await this.#recorder.kill();
  }

  async #kubectl(
    version: KubectlVersion,
    policy: Policy,
    args: readonly string[],
    stdin?: Buffer,
  ): Promise<Invocation> {
    return {
      program: await kubectlPath(version),
      args: ['--kubeconfig', this.kubeconfig, '--context', policy, ...args],
      ...(stdin === undefined ? {} : { stdin }),
    };
  }

  #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: this.dir, TERM: 'xterm' };
  }
}

function kubeconfig(proxy: ProxyProcess): string {
  const cluster = {
    server: proxy.url,
    'certificate-authority-data': Buffer.from(proxy.caPem).toString('base64'),
  };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubewitness', cluster }],
    users: POLICIES.map(policy => ({ name: USERS[policy], user: { token: TOKENS[policy] } })),
    contexts: POLICIES.map(policy => ({
      name: policy,
      context: { cluster: 'kubewitness', user: USERS[policy] },
    })),
    'current-context': 'closed',
  });
}
