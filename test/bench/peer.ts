import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformWithOxc } from 'vite';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kubewitness/bench/', import.meta.url));

/** What is measured has a core of its own, and all that loads it shares another; with one core there is no telling. */
export type Core = 'measured' | 'load';
const pins = availableParallelism() > 1 && spawnSync('taskset', ['-p', '1']).status === 0;

/** Kernel ticks per second, by which /proc counts time. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']).toString());
const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE']).toString());

/** A process of a benchmark, which says what it has to say as JSON lines. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  constructor(core: Core, command: readonly string[]) {
    const [program = '', ...args] = pins
      ? ['taskset', '-c', core === 'measured' ? '0' : '1', ...command]
      : command;
    this.#child = spawn(program, args, { stdio: 'pipe' });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#child.stdin?.on('error', () => {});
    if (this.#child.stdout === null) throw new Error('a peer without output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. Rejects with what it said on stderr when it ends instead. */
  async next(): Promise<Record<string, unknown>> {
    const line = await this.#lines.next();
    if (line.done) throw new Error(`a peer ended: ${this.#stderr}`);
    return JSON.parse(line.value) as Record<string, unknown>;
  }

  /** Throws what it said on stderr, if it has ended. */
  check(): void {
    if (this.#child.exitCode !== null) throw new Error(`a peer ended: ${this.#stderr}`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Seconds of processor that it has used, in user and kernel mode (proc(5), fields 14 and 15 of stat). */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** Resident bytes. */
  rssBytes(): number {
    return Number(readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  }

  /** Ends its input, or asks it to end by a signal, and waits. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    if (signal === undefined) this.#child.stdin?.end();
    else this.#child.kill(signal);
    await exit;
  }
}

/** Path of the Go program of all peers. */
export async function buildPeers(): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const binary = join(CACHE, 'peers');
  await promisify(execFile)('go', ['build', '-buildvcs=false', '-trimpath', '-o', binary, '.'], {
    cwd: fileURLToPath(new URL('peers', import.meta.url)),
  });
  return binary;
}

/** The peers that are programs of Node. */
export type NodePeer = 'relay' | 'stock-http-proxy' | 'undici';

/** Path of one of them, as Node runs it. */
export async function buildNodePeer(name: NodePeer): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const source = fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url));
  const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source);
  const file = join(CACHE, `${name}.mjs`);
  writeFileSync(file, code);
  return file;
}

export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'kubewitness-bench-'));
}
