import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/** Environment variable that says which pod a process was started for. */
export const POD_MARK = 'KUBEWITNESS_SANDBOX_POD';

/** Signals a process, or with a negative number its group; a process that has gone already is no fault. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** SIGHUP and SIGTERM to the group; SIGKILL if the leader is still there after `graceMs`. */
export async function endGroup(pid: number, exited: Promise<unknown>, graceMs: number): Promise<void> {
  signal(-pid, 'SIGHUP');
  signal(-pid, 'SIGTERM');
  const over = new AbortController();
  const ended = exited.then(() => over.abort());
  await sleep(graceMs, undefined, { signal: over.signal }).catch(() => undefined);
  if (!over.signal.aborted) signal(-pid, 'SIGKILL');
  await ended;
}

/**
 * Ends every process that was started for one of these pods, with what it started in turn, also in other groups and
 * sessions: the mark in the environment is inherited. Needs /proc; elsewhere it finds none.
 */
export async function endMarked(podUids: ReadonlySet<string>, graceMs: number): Promise<void> {
  const rounds = Math.ceil(graceMs / POLL_MS);
  for (let round = 0; ; round++) {
    const pids = await markedProcesses(podUids);
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, round < rounds ? 'SIGTERM' : 'SIGKILL');
    // Nothing outlives SIGKILL but a process stuck in the kernel, which nobody can end.
    if (round >= 2 * rounds) return;
    await sleep(POLL_MS);
  }
}

/** Pids of the living processes of these pods; one that has ended but was not waited for has no environment. */
export async function markedProcesses(podUids: ReadonlySet<string>): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter(name => /^\d+$/.test(name)).map(Number);
  const owned = await Promise.all(pids.map(async pid => podUids.has(await podOf(pid))));
  return pids.filter((_, index) => owned[index]);
}

async function podOf(pid: number): Promise<string> {
  const environment = await readFile(`/proc/${String(pid)}/environ`, 'latin1').catch(() => '');
  const entry = environment.split('\0').find(text => text.startsWith(`${POD_MARK}=`));
  return entry === undefined ? '' : entry.slice(POD_MARK.length + 1);
}
