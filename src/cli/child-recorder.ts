import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const READY_MS = 20_000;

export interface ChildRecorder {
  readonly address: string;
  readonly pid: number;
  /** The command that starts it again at the same place. */
  readonly command: string;
  /** How it ended, once it has. */
  readonly gone: Promise<string>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** In order: what is being uploaded is filed. */
  stop(): Promise<void>;
  /** At once, as a crash does it. */
  kill(): Promise<void>;
}

/** A recorder in a process of its own, so that it can be killed without the rest. `exited` tells when it is gone. */
export async function startChildRecorder(
  { dir, scratch, port: wanted }: { readonly dir: string; readonly scratch: string; readonly port: number },
  exited: (how: string) => void,
): Promise<ChildRecorder> {
  const readyFile = join(scratch, 'recorder.json');
  await rm(readyFile, { force: true });
  const options = ['recorder', '--dir', dir, '--address', '127.0.0.1'];
  const child = spawn(
    process.execPath,
    [MAIN, ...options, '--port', String(wanted), '--log-level', 'warn', '--ready-file', readyFile],
    {
      // The channel tells the recorder when we are gone.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const gone = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', error => resolve(error.message));
  });
  const address = await waitForAddress(readyFile, gone);
  void gone.then(exited);
  const port = address.slice(address.lastIndexOf(':') + 1);
  return {
    address,
    pid: child.pid ?? 0,
    command: [process.execPath, MAIN, ...options, '--port', port].join(' '),
    gone,
    signal: signal => void child.kill(signal),
    stop: () => ended(child, gone, 'SIGTERM'),
    kill: () => ended(child, gone, 'SIGKILL'),
  };
}

async function waitForAddress(readyFile: string, gone: Promise<string>): Promise<string> {
  let how: string | undefined;
  void gone.then(reason => {
    how = reason;
  });
  for (let waited = 0; waited < READY_MS && how === undefined; waited += 50) {
    const text = await readFile(readyFile, 'utf8').catch(() => undefined);
    if (text !== undefined) return addressIn(text);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`the recorder did not start: ${how ?? 'it took too long'}`);
}

function addressIn(text: string): string {
  const ready: unknown = JSON.parse(text);
  if (
    typeof ready === 'object' &&
    ready !== null &&
    'address' in ready &&
    typeof ready.address === 'string'
  ) {
    return ready.address;
  }
  throw new Error('the recorder wrote no address');
}

async function ended(child: ChildProcess, gone: Promise<string>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await gone;
}
