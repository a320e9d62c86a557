import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../support/try-cluster.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const probe = new URL('probe.js', import.meta.url).href;

/** What a process holds, counted by itself after a full collection. */
export interface Holding {
  /** Objects, strings, buffers: without what V8 keeps for itself. */
  readonly heapBytes: number;
  /** Of XState. */
  readonly actors: number;
  /** Set and not cleared, those too that do not keep the process alive. */
  readonly timers: number;
  /** Sockets and what else keeps it alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Open file descriptors. */
  readonly descriptors: number;
}

/** The built program in a process that can be asked what it holds, and whose wall clock can be moved. */
export class Probed {
  readonly ready: Readonly<Record<string, string>>;
  readonly output: () => string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ready: Record<string, string>, output: () => string) {
    this.#child = child;
    this.ready = ready;
    this.output = output;
  }

  static async start(args: readonly string[], readyFile: string): Promise<Probed> {
    rmSync(readyFile, { force: true });
    const child = spawn(process.execPath, ['--import', probe, main, ...args, '--ready-file', readyFile], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', chunk => {
        output = (output + String(chunk)).slice(-20_000);
      });
    }
    await until(() => {
      if (child.exitCode !== null) throw new Error(`${args[0]} ended with ${child.exitCode}:\n${output}`);
      return existsSync(readyFile);
    });
    return new Probed(child, JSON.parse(readFileSync(readyFile, 'utf8')), () => output);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async holding(): Promise<Holding> {
    const counts = await this.#ask({});
    return { ...counts, descriptors: readdirSync(`/proc/${this.pid}/fd`).length };
  }

  /** Moves the wall clock by so many milliseconds. */
  async stepClock(stepMs: number): Promise<void> {
    await this.#ask({ stepMs });
  }

  /** Exit code, or the name of the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    if (this.running) {
      const exit = once(this.#child, 'exit');
      this.#child.kill(signal);
      await exit;
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? '';
  }

  async #ask(question: object): Promise<Omit<Holding, 'descriptors'>> {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    const [counts] = await answer;
    return counts;
  }
}
