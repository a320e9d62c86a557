import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import type { Account } from '../../../src/sandbox/identity.ts';
import { type Sandbox, type SandboxRequest, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { type KubectlVersion, kubectlPath } from '../../support/kubectl.ts';

/** A sandbox in a folder of its own, with a kubeconfig. */
export interface Cluster extends Sandbox {
  readonly folder: string;
  readonly requests: readonly SandboxRequest[];
}

export async function startCluster(accounts: readonly Account[] = []): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const requests: SandboxRequest[] = [];
  const sandbox = await startSandbox({ dir: folder, accounts, onRequest: seen => requests.push(seen) });
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(kubeconfigOf(sandbox)));
  return {
    ...sandbox,
    folder,
    requests,
    close: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function kubeconfigOf({ url, token, caPem }: Sandbox) {
  const ca = Buffer.from(caPem).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster: { server: url, 'certificate-authority-data': ca } }],
    users: [{ name: 'proxy', user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'proxy' } }],
    'current-context': 'sandbox',
  };
}

/** A running kubectl. */
export async function startKubectl(cluster: Cluster, version: KubectlVersion, args: readonly string[]) {
  return spawn(await kubectlPath(version), args, { env: environment(cluster), cwd: cluster.folder });
}

/** Runs kubectl to its end. */
export async function kubectl(
  cluster: Cluster,
  version: KubectlVersion,
  args: readonly string[],
  stdin: Buffer | string = '',
) {
  const child = await startKubectl(cluster, version, args);
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: child.exitCode, bytes: stdout, stdout: stdout.toString(), stderr };
}

/** Starts kubectl on a terminal of this size. The terminal stays open until its stdin is ended. */
export async function startOnTerminal(
  cluster: Cluster,
  version: KubectlVersion,
  args: readonly string[],
  size: { rows: number; cols: number },
) {
  const line = `stty rows ${String(size.rows)} cols ${String(size.cols)}; ${await kubectlPath(version)} ${args.join(' ')}`;
  return spawn('script', ['-qec', line, '/dev/null'], { env: environment(cluster), cwd: cluster.folder });
}

function environment(cluster: Cluster) {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TERM: 'xterm',
    HOME: cluster.folder,
    KUBECONFIG: join(cluster.folder, 'kubeconfig'),
  };
}

/** Collects what a stream says and waits for words in it. */
export class Listener {
  #text = '';
  #waiting: { words: string; found: () => void } | undefined;

  constructor(source: NodeJS.ReadableStream) {
    source.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      if (this.#waiting !== undefined && this.#text.includes(this.#waiting.words)) this.#waiting.found();
    });
  }

  get text(): string {
    return this.#text;
  }

  /** Resolves when these words have come. */
  hears(words: string): Promise<void> {
    if (this.#text.includes(words)) return Promise.resolve();
    return new Promise(found => {
      this.#waiting = { words, found };
    });
  }
}

/** One HTTP exchange. */
export async function call(
  cluster: Cluster,
  method: string,
  path: string,
  options: { readonly headers?: Record<string, string>; readonly body?: string | Buffer } = {},
) {
  const sent = request(cluster.url + path, {
    method,
    ca: cluster.caPem,
    agent: false,
    headers: {
      Authorization: `Bearer ${cluster.token}`,
      // Node frames the body of a DELETE only if it is told how.
      ...(options.body === undefined || 'Transfer-Encoding' in (options.headers ?? {})
        ? {}
        : { 'Content-Length': String(Buffer.byteLength(options.body)) }),
      ...options.headers,
    },
  });
  sent.end(options.body);
  const [response] = await once(sent, 'response');
  const answer = await text(response);
  return { code: Number(response.statusCode), headers: response.headers, text: answer };
}
