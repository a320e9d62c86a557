import cluster from 'node:cluster';
import type { Hand } from './crew.ts';

/**
 * Forks workers of this program that share its listeners: connections are dealt to them in turn, by the primary, which
 * reads nothing of them.
 */
export function clusterFork(program: {
  readonly exec: string;
  readonly args: readonly string[];
  readonly execArgv: readonly string[];
}): () => Hand {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ ...program, args: [...program.args], execArgv: [...program.execArgv] });
  return () => {
    const worker = cluster.fork();
    const { process: child } = worker;
    return {
      pid: child.pid ?? 0,
      send: (message, done) => worker.isConnected() && child.send(message, done),
      onMessage: heard => worker.on('message', heard),
      onGone: gone => {
        let how: string | undefined;
        let silent = false;
        const check = (): void => {
          if (how !== undefined && silent) gone(how);
        };
        worker.once('exit', (code: number | null, signal: string | null) => {
          how = signal ?? `exit code ${code}`;
          check();
        });
        // What cannot be said any more is told by the end; a process that never was has none.
        worker.on('error', error => {
          if (child.pid !== undefined || how !== undefined) return;
          how = error.message;
          silent = true;
          check();
        });
        // The channel is read to its end before this.
        worker.once('disconnect', () => {
          silent = true;
          check();
        });
      },
      kill: () => child.kill('SIGKILL'),
    };
  };
}
