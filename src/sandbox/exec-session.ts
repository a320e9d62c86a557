import type { TerminalSize } from '../kube/remotecommand.ts';
import { StartFailure } from './executable.ts';
import { aborted } from './latch.ts';
import { type ProcessPlan, type RunningProcess, startProcess } from './process.ts';
import { endGroup } from './process-end.ts';
import type { PtyPackage } from './pty.ts';
import type { RemoteStreams } from './remote-streams.ts';
import { joinInput, joinOutput } from './stream-joining.ts';

/** A client that has a terminal sends its size at once; one that never does gets the default. */
const FIRST_SIZE_LIMIT_MS = 250;
const DEFAULT_SIZE: TerminalSize = { cols: 80, rows: 24 };
/** From SIGTERM to SIGKILL for the command of a client that has left. */
const KILL_GRACE_MS = 1_000;

/** The first size of the client's terminal. */
export async function firstSize(remote: RemoteStreams): Promise<TerminalSize> {
  return (await remote.sizes.first(FIRST_SIZE_LIMIT_MS)) ?? DEFAULT_SIZE;
}

/** Runs one command for a client: joins the streams, and tells its ending once all output has been handed over. */
export async function runExec(remote: RemoteStreams, plan: ProcessPlan, pty: PtyPackage): Promise<void> {
  let running: RunningProcess;
  try {
    running = await startProcess(plan, pty);
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    await Promise.all([joinOutput(undefined, remote.stdout), joinOutput(undefined, remote.stderr)]);
    await remote.finish({ kind: 'failed', message: error.message });
    return;
  }
  remote.sizes.listen(running.resize);
  joinInput(remote.stdin, running.stdin, plan.terminal === undefined);
  const outputs = Promise.all([
    joinOutput(running.stdout, remote.stdout),
    joinOutput(running.stderr, remote.stderr),
  ]);
  const code = await Promise.race([
    outputs.then(() => running.exited),
    aborted(remote.gone).then(() => undefined),
  ]);
  if (code === undefined) await abandon(running);
  else await remote.finish({ kind: 'exited', code });
}

/** Nobody reads the rest; a pipe left unread would keep the process from ending. */
async function abandon(running: RunningProcess): Promise<void> {
  running.stdin?.destroy();
  running.stdout?.destroy();
  running.stderr?.destroy();
  await endGroup(running.pid, running.exited, KILL_GRACE_MS);
}
