import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Attach, Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { buildGo } from '../go-program.ts';
import type { Policy, Stand } from './stand.ts';

/** What a library's session is to do. */
export interface Session {
  readonly policy: Policy;
  readonly kind: 'exec' | 'attach';
  readonly pod: string;
  /** None when attaching. */
  readonly command: readonly string[];
  readonly stdin: string | undefined;
  readonly tty: boolean;
}

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined where the library does not tell. */
  readonly code: number | undefined;
}

/** A client library, as a program of its users runs it. */
export type Library = (stand: Stand, session: Session) => Promise<Result>;

const KUBERNETES_PY = '37.0.2';

/** client-go's three executors. */
export function clientGo(executor: 'spdy' | 'websocket' | 'fallback'): Library {
  return async (stand, { policy, kind, pod, command, stdin, tty }) => {
    const args = [
      ...['-kubeconfig', stand.kubeconfig, '-context', policy, '-executor', executor],
      ...['-path', `/api/v1/namespaces/default/pods/${pod}/${kind}`, `-tty=${tty}`],
      ...[`-stdin=${stdin !== undefined}`, '--', ...command],
    ];
    const { code, stdout, stderr } = await stand.run({
      program: await buildGo('client'),
      args,
      ...input(stdin),
    });
    if (code !== 0) throw new Error(`the client-go program ended with ${code}: ${stderr}`);
    const result = JSON.parse(stdout.toString()) as Result & { error: string };
    if (result.error !== '') throw new Error(result.error);
    return result;
  };
}

/** The Python client, in an environment of its own that is made once. */
export const python: Library = async (stand, { policy, kind, pod, command, stdin, tty }) => {
  const args = [
    ...[fileURLToPath(new URL('exec.py', import.meta.url)), stand.kubeconfig, policy, kind, pod],
    ...[tty ? 'tty' : 'plain', stdin === undefined ? 'none' : 'stdin', ...command],
  ];
  const { code, stdout, stderr } = await stand.run({ program: await pythonProgram(), args, ...input(stdin) });
  if (code !== 0) throw new Error(`the Python program ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.toString()) as Result;
};

export const hasPython = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;

/** Path of a Python that has the client. */
export async function pythonProgram(): Promise<string> {
  const folder = fileURLToPath(
    new URL(`../../../node_modules/.cache/kubewitness/python-kubernetes-${KUBERNETES_PY}/`, import.meta.url),
  );
  const program = `${folder}bin/python`;
  if (existsSync(`${folder}complete`)) return program;
  const run = promisify(execFile);
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(program, ['-m', 'pip', 'install', '--quiet', `kubernetes==${KUBERNETES_PY}`]);
  await run('touch', [`${folder}complete`]);
  return program;
}

/** @kubernetes/client-node, in this process. */
export const clientNode: Library = async (stand, { policy, kind, pod, command, stdin, tty }) => {
  const config = new KubeConfig();
  config.loadFromFile(stand.kubeconfig);
  config.setCurrentContext(policy);
  const streams = { stdout: new Collected(), stderr: new Collected() };
  const source = stdin === undefined ? null : new PassThrough();
  source?.end(stdin);
  const stderr = tty ? null : streams.stderr;
  let code: number | undefined;
  if (kind === 'exec') {
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec('default', pod, 'main', [...command], streams.stdout, stderr, source, tty, resolve)
        .catch(reject);
    });
    code = status.status === 'Success' ? 0 : exitCode(status);
  } else {
    const socket = await new Attach(config).attach(
      'default',
      pod,
      'main',
      streams.stdout,
      stderr,
      source,
      tty,
    );
    await new Promise(resolve => socket.on('close', resolve));
  }
  return { stdout: streams.stdout.text(), stderr: streams.stderr.text(), code };
};

class Collected extends PassThrough {
  readonly #chunks: Buffer[] = [];
  constructor() {
    super();
    this.on('data', chunk => this.#chunks.push(chunk));
  }
  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

function exitCode(status: V1Status): number {
  return Number(status.details?.causes?.find(cause => cause.reason === 'ExitCode')?.message ?? -1);
}

function input(stdin: string | undefined): { readonly stdin?: Buffer } {
  return stdin === undefined ? {} : { stdin: Buffer.from(stdin) };
}
