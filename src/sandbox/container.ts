import { join as joinPath } from 'node:path';
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import { firstSize } from './exec-session.ts';
import { CONTAINER_PATH, StartFailure } from './executable.ts';
import { FanOut } from './fan-out.ts';
import { aborted, Latch, within } from './latch.ts';
import { LogRing } from './log-ring.ts';
import { type ProcessPlan, type RunningProcess, startProcess } from './process.ts';
import { endGroup, POD_MARK } from './process-end.ts';
import type { PtyPackage } from './pty.ts';
import type { RemoteStreams } from './remote-streams.ts';
import { closed, joinInput } from './stream-joining.ts';

export interface ContainerSpec {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: boolean;
  /** The end of the first attach's input is the end of the process's input. */
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** Added to a running pod, as `kubectl debug` does. */
  readonly ephemeral: boolean;
  /** Started anew whenever it ends. */
  readonly restarts: boolean;
}

export type ContainerState =
  | { readonly phase: 'waiting' }
  | { readonly phase: 'running'; readonly startedAt: number }
  | {
      readonly phase: 'terminated';
      readonly startedAt: number;
      readonly endedAt: number;
      readonly code: number;
    };

export interface ContainerDependencies {
  /** Parent of all containers' folders. */
  readonly dir: string;
  readonly pty: PtyPackage;
  readonly clock: Clock;
}

interface MainProcess {
  readonly running: RunningProcess;
  readonly stdout: FanOut | undefined;
  readonly stderr: FanOut | undefined;
}

/** How long a process that reads its input from one attach waits for it, so that its first words are not lost. */
const FIRST_ATTACH_LIMIT_MS = 5_000;
const RESTART_DELAY_MS = 250;
const STOP_GRACE_MS = 1_000;
/** What runc's caller reports for a command that could not be started. */
const CANNOT_START_CODE = 128;

/** A container: a folder, an environment, and one main process with its log. */
export class Container {
  readonly spec: ContainerSpec;
  readonly log = new LogRing();
  readonly #deps: ContainerDependencies;
  readonly #onChange: () => void;
  readonly #firstAttach = new Latch();
  readonly #stopping = new AbortController();
  #size: TerminalSize = { cols: 80, rows: 24 };
  #started = new Latch();
  #main: MainProcess | undefined;
  #state: ContainerState = { phase: 'waiting' };
  #restarts = 0;
  #life: Promise<void> = Promise.resolve();

  constructor(spec: ContainerSpec, deps: ContainerDependencies, onChange: () => void) {
    this.spec = spec;
    this.#deps = deps;
    this.#onChange = onChange;
  }

  get state(): ContainerState {
    return this.#state;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** How to run a command in this container. */
  plan(command: readonly string[], streams: Omit<ProcessPlan, 'command' | 'cwd' | 'env'>): ProcessPlan {
    const { namespace, pod, podUid, name } = this.spec;
    const cwd = joinPath(this.#deps.dir, namespace, pod, name);
    const env = {
      PATH: CONTAINER_PATH,
      HOME: cwd,
      HOSTNAME: pod,
      ...(streams.terminal === undefined ? {} : { TERM: 'xterm' }),
      ...this.spec.env,
      [POD_MARK]: podUid,
    };
    return { command, cwd, env, ...streams };
  }

  /** Runs the main process, again and again if it is to; resolves when there will be no further. */
  run(): Promise<void> {
    this.#life = this.#live();
    return this.#life;
  }

  /** Joins a client to the main process until that ends or the client leaves. */
  async attach(remote: RemoteStreams): Promise<void> {
    if (this.spec.tty) {
      this.#size = await firstSize(remote);
      remote.sizes.listen(size => this.#main?.running.resize(size));
    }
    this.#firstAttach.open();
    await Promise.race([this.#started.opened, aborted(remote.gone)]);
    const main = this.#main;
    join(main?.stdout, remote.stdout);
    join(main?.stderr, remote.stderr);
    joinInput(remote.stdin, main?.running.stdin, this.spec.stdinOnce && !this.spec.tty);
    const ended = main === undefined ? Promise.resolve(0) : main.running.exited;
    const outputs = Promise.all([ended, closed(remote.stdout), closed(remote.stderr)]);
    await Promise.race([outputs, aborted(remote.gone)]);
    if (remote.stdout !== undefined) main?.stdout?.remove(remote.stdout);
    if (remote.stderr !== undefined) main?.stderr?.remove(remote.stderr);
    remote.sizes.listen(undefined);
    if (!remote.gone.aborted) await remote.finish({ kind: 'success' });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const running = this.#main?.running;
    if (running !== undefined) {
      await endGroup(running.pid, running.exited, STOP_GRACE_MS);
      // Something that left the group may still hold the other ends.
      running.stdout?.destroy();
      running.stderr?.destroy();
    }
    await this.#life;
  }

  async #live(): Promise<void> {
    const stopped = aborted(this.#stopping.signal);
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.#deps.clock.now();
      this.#change({ phase: 'running', startedAt });
      if (this.spec.stdinOnce) await within(FIRST_ATTACH_LIMIT_MS, this.#firstAttach.opened, stopped);
      const code = this.#stopping.signal.aborted ? 0 : await this.#runOnce();
      if (!this.spec.restarts || this.#stopping.signal.aborted) {
        this.log.end();
        this.#started.open();
        this.#change({ phase: 'terminated', startedAt, endedAt: this.#deps.clock.now(), code });
        return;
      }
      this.#restarts += 1;
      await within(RESTART_DELAY_MS, stopped);
    }
  }

  /** One life of the main process; resolves with its exit code when its output has been read. */
  async #runOnce(): Promise<number> {
    const { stdin, tty, command } = this.spec;
    let running: RunningProcess;
    try {
      const terminal = tty ? this.#size : undefined;
      running = await startProcess(
        this.plan(command, { stdin, stdout: true, stderr: true, terminal }),
        this.#deps.pty,
      );
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      this.log.append(Buffer.from(`${error.message}\n`, 'utf8'), this.#deps.clock.now());
      this.#started.open();
      return CANNOT_START_CODE;
    }
    const observe = (chunk: Buffer): void => this.log.append(chunk, this.#deps.clock.now());
    const fanOut = (source: RunningProcess['stdout']) =>
      source === undefined ? undefined : new FanOut(source, observe);
    this.#main = { running, stdout: fanOut(running.stdout), stderr: fanOut(running.stderr) };
    this.#started.open();
    // The container may have been stopped while its process was being started.
    if (this.#stopping.signal.aborted) await endGroup(running.pid, running.exited, STOP_GRACE_MS);
    const code = await running.exited;
    await Promise.all([this.#main.stdout?.over, this.#main.stderr?.over]);
    this.#main = undefined;
    this.#started = new Latch();
    return code;
  }

  #change(state: ContainerState): void {
    this.#state = state;
    this.#onChange();
  }
}

function join(output: FanOut | undefined, target: Writable | undefined): void {
  if (target === undefined) return;
  if (output === undefined) target.end();
  else output.add(target);
}
