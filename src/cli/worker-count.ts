import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.ts';
import { MAX_WORKERS } from '../config/schema.ts';

/** The CPU quota of a container, as it sees it itself (cgroup v2, "cpu.max": quota and period in microseconds). */
const CPU_MAX = '/sys/fs/cgroup/cpu.max';

/**
 * How many processes serve. `auto`: as many as there are cores to use, by where the process may be scheduled and by its
 * quota, of which older versions of Node know nothing.
 */
export function workerCount(
  setting: Config['workers'],
  { parallelism, cpuMax }: { readonly parallelism: number; readonly cpuMax: string },
): number {
  if (setting !== 'auto') return setting;
  const [quota, period] = cpuMax.split(' ').map(Number);
  const cores = Math.floor((quota ?? Number.NaN) / (period ?? Number.NaN));
  const allowed = Number.isFinite(cores) ? Math.max(cores, 1) : MAX_WORKERS;
  return Math.min(parallelism, allowed, MAX_WORKERS);
}

export function coresHere(): { readonly parallelism: number; readonly cpuMax: string } {
  return { parallelism: availableParallelism(), cpuMax: cpuMaxHere() };
}

function cpuMaxHere(): string {
  try {
    return readFileSync(CPU_MAX, 'utf8');
  } catch {
    // No cgroup of version 2, or none at all: nothing limits.
    return 'max';
  }
}
