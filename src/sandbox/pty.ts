import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { messageOf } from '../errors.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import { optionalPackage } from './optional-package.ts';

/** What is used of a terminal of node-pty. */
interface Pty {
  readonly pid: number;
  onData(listener: (data: unknown) => void): unknown;
  onExit(listener: (exit: { exitCode: number; signal?: number }) => void): unknown;
  resize(cols: number, rows: number): void;
  pause(): void;
  resume(): void;
}

interface PtyOptions {
  readonly name: string;
  readonly cols: number;
  readonly rows: number;
  readonly cwd: string;
  readonly env: { [key: string]: string };
  readonly encoding: null;
}

export interface PtyPackage {
  spawn(file: string, args: string[], options: PtyOptions): Pty;
}

/** @throws WitnessError KW_INTERNAL when the optional package is missing */
export function loadPty(): Promise<PtyPackage> {
  return optionalPackage('@lydell/node-pty', () => import('@lydell/node-pty'));
}

/** A process on a terminal of its own, as streams. */
export interface PtyProcess {
  readonly pid: number;
  readonly input: Writable;
  readonly output: Readable;
  /** Exit code, or 128 plus the signal; after the output has been read. */
  readonly exited: Promise<number>;
  resize(size: TerminalSize): void;
}

/** Wait before another try when the terminal's input buffer is full. */
const INPUT_RETRY_MS = 10;
/** node-pty drops unread output 200 ms after the process has ended; a paused terminal has to notice before that. */
const ALIVE_CHECK_MS = 50;
/** A terminal gives at most 4 KiB a time and its buffers hold less than 256 KiB. */
const READ_BYTES = 4_096;
const MAX_UNREAD_READS = 64;

export function startOnPty(
  pty: PtyPackage,
  file: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly size: TerminalSize;
  },
): PtyProcess {
  const terminal = pty.spawn(file, [...args], {
    name: 'xterm',
    cols: options.size.cols,
    rows: options.size.rows,
    cwd: options.cwd,
    env: { ...options.env },
    encoding: null,
  });
  const internals = internalsOf(terminal);
  const output = outputOf(terminal, internals);
  const input = inputOf(internals);
  let running = true;
  const exited = new Promise<number>(resolve => {
    terminal.onExit(({ exitCode, signal }) => {
      running = false;
      output.push(null);
      input.destroy();
      resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
    });
  });
  return {
    pid: terminal.pid,
    input,
    output,
    exited,
    resize: ({ cols, rows }) => {
      if (running) resizeUnlessOver(terminal, cols, rows);
    },
  };
}

/** node-pty closes the descriptor some turns before it tells of the exit, and throws for a size that comes in between. */
function resizeUnlessOver(terminal: Pty, cols: number, rows: number): void {
  try {
    terminal.resize(cols, rows);
  } catch (error) {
    if (!/EBADF|ENXIO|EIO|already exited/.test(messageOf(error))) throw error;
  }
}

function outputOf(terminal: Pty, { fd, socket }: Internals): Readable {
  let watch: NodeJS.Timeout | undefined;
  let ended = false;
  const resume = (): void => {
    clearInterval(watch);
    watch = undefined;
    terminal.resume();
  };
  const output = new Readable({
    read: resume,
    destroy: (error, callback) => {
      resume();
      callback(error);
    },
  });
  terminal.onData(data => {
    // With a null encoding node-pty gives buffers, whatever its types say.
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(String(data), 'utf8');
    if (output.destroyed || output.push(bytes) || ended || watch !== undefined) return;
    terminal.pause();
    watch = setInterval(() => {
      ended = !isAlive(terminal.pid);
      // What is left then is bounded by the kernel's buffer: better held here than lost.
      if (ended) resume();
    }, ALIVE_CHECK_MS);
  });
  // libuv reports the end as soon as the other side has hung up, with the last kilobytes still unread (the
  // short cut for POLLHUP after a partial read, and a terminal never fills the buffer).
  socket.once('end', () => {
    if (socket.destroyed || output.destroyed) return;
    for (const bytes of unreadBytes(fd)) output.push(bytes);
  });
  return output;
}

/** Ends with an error once all has been read, or with nothing to read; bounded by the kernel's buffer. */
function* unreadBytes(fd: number): Generator<Buffer> {
  for (let read = 0; read < MAX_UNREAD_READS; read++) {
    const bytes = Buffer.alloc(READ_BYTES);
    let length: number;
    try {
      length = readSync(fd, bytes);
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'EIO' || error.code === 'EAGAIN'))
        return;
      throw error;
    }
    if (length === 0) return;
    yield bytes.subarray(0, length);
  }
}

/**
 * Writes to the terminal's descriptor directly: node-pty's own write spins inside libuv, and so stops the whole
 * program, while the terminal's input buffer is full (libuv opens terminals for blocking writes).
 */
function inputOf({ fd, socket }: Internals): Writable {
  let retry: NodeJS.Timeout | undefined;
  const write = (bytes: Buffer, callback: (error?: Error | null) => void): void => {
    // Once it is destroyed the descriptor's number may belong to somebody else.
    if (socket.destroyed) {
      callback();
      return;
    }
    const written = writeSome(fd, bytes);
    if (written instanceof Error) callback(written);
    else if (written === bytes.length) callback();
    else retry = setTimeout(write, written > 0 ? 0 : INPUT_RETRY_MS, bytes.subarray(written), callback);
  };
  const input = new Writable({
    write: (chunk: Buffer, _encoding, callback) => write(chunk, callback),
    destroy: (error, callback) => {
      clearTimeout(retry);
      callback(error);
    },
  });
  // A terminal that has gone away; the exit of its process tells.
  input.on('error', () => undefined);
  return input;
}

function writeSome(fd: number, bytes: Buffer): number | Error {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return 'code' in error && error.code === 'EAGAIN' ? 0 : error;
  }
}

/** Both are private to node-pty, whose version is pinned for it. */
interface Internals {
  readonly fd: number;
  readonly socket: Socket;
}

function internalsOf(terminal: Pty): Internals {
  if ('fd' in terminal && typeof terminal.fd === 'number' && '_socket' in terminal) {
    const socket = terminal._socket;
    if (socket instanceof Socket) return { fd: terminal.fd, socket };
  }
  throw new TypeError('this version of @lydell/node-pty is not known to the sandbox');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
