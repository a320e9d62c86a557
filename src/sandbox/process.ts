import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../kube/remotecommand.ts';
import { findExecutable, StartFailure } from './executable.ts';
import { type PtyPackage, startOnPty } from './pty.ts';

export interface ProcessPlan {
  readonly command: readonly string[];
  /** Created if it is missing. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Which streams to connect; the rest is /dev/null. A terminal has stdin and stdout. */
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly terminal: TerminalSize | undefined;
}

/** A local process that leads a process group and session of its own. */
export interface RunningProcess {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** 0..255; 128 plus the signal's number where one ended it. Its output may still be on the way. */
  readonly exited: Promise<number>;
  resize(size: TerminalSize): void;
}

/** @throws StartFailure */
export async function startProcess(plan: ProcessPlan, pty: PtyPackage): Promise<RunningProcess> {
  const [name = '', ...args] = plan.command;
  await mkdir(plan.cwd, { recursive: true });
  const file = await findExecutable(name, plan.cwd);
  if (plan.terminal === undefined) return startOnPipes(plan, file, name, args);
  const started = startOnPty(pty, file, args, { cwd: plan.cwd, env: plan.env, size: plan.terminal });
  return {
    pid: started.pid,
    stdin: started.input,
    stdout: started.output,
    stderr: undefined,
    exited: started.exited,
    resize: started.resize,
  };
}

async function startOnPipes(
  plan: ProcessPlan,
  file: string,
  name: string,
  args: readonly string[],
): Promise<RunningProcess> {
  const child = spawn(file, args, {
    argv0: name,
    cwd: plan.cwd,
    env: plan.env,
    detached: true,
    stdio: [pipeIf(plan.stdin), pipeIf(plan.stdout), pipeIf(plan.stderr)],
  });
  const exited = exitOf(child);
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new StartFailure(name, error instanceof Error ? error.message : String(error));
  }
  // A process that closes its stdin early is no fault; the rest of the input is dropped.
  child.stdin?.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    exited,
    resize: () => undefined,
  };
}

function pipeIf(wanted: boolean): 'pipe' | 'ignore' {
  return wanted ? 'pipe' : 'ignore';
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise(resolve => {
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
