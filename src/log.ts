import { write } from 'node:fs';
import { pino } from 'pino';

/** The part of a logger that the program uses: one object of facts, one short constant message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger whose level can be changed while it is in use. */
export interface LeveledLogger extends Logger {
  level: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Lines that wait for whoever reads them. Characters; past it lines are dropped, and that is said. */
const MAX_WAITING = 1024 * 1024;
/** What a pipe takes as one, whoever else writes to it (PIPE_BUF, pipe(7)): workers share standard error. */
const ONE_WRITE_BYTES = 4096;
/** A pipe that does not block says so when it is full. */
const FULL_RETRY_MS = 50;

/**
 * Lines on their way to a file descriptor. Node writes to pipes synchronously, so a reader that stops would stop the
 * whole program; here it costs lines. A reader that has gone costs all of them, and nothing else.
 */
export class LogLines {
  readonly #fd: number;
  readonly #maxWaiting: number;
  #waiting: string[] = [];
  #size = 0;
  #dropped = 0;
  #writing = false;
  #told: (() => void)[] = [];

  constructor(fd: number, maxWaiting = MAX_WAITING) {
    this.#fd = fd;
    this.#maxWaiting = maxWaiting;
  }

  /** One line, with its newline. */
  write(line: string): void {
    if (this.#size + line.length > this.#maxWaiting) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#size += line.length;
    if (!this.#writing) this.#next();
  }

  /** Resolves when nothing waits any more, or after the limit. */
  flushed(limitMs: number): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise(resolve => {
      // It keeps the process alive, or there would be nobody left to wait.
      const timer = setTimeout(resolve, limitMs);
      this.#told.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(): void {
    if (this.#dropped > 0 && this.#waiting.length === 0) {
      this.#waiting.push(
        `${JSON.stringify({ level: 40, dropped: this.#dropped, msg: 'log lines dropped' })}\n`,
      );
      this.#dropped = 0;
    }
    this.#writing = this.#waiting.length > 0;
    if (this.#writing) this.#send(this.#batch());
    else for (const tell of this.#told.splice(0)) tell();
  }

  #batch(): Buffer {
    let bytes = 0;
    const more = this.#waiting.findIndex(line => {
      bytes += Buffer.byteLength(line);
      return bytes > ONE_WRITE_BYTES;
    });
    return Buffer.from(
      this.#waiting.splice(0, more === -1 ? this.#waiting.length : Math.max(more, 1)).join(''),
    );
  }

  #send(bytes: Buffer): void {
    write(this.#fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#send(bytes), FULL_RETRY_MS).unref();
        return;
      }
      // Nobody reads: there is no place left to say so.
      if (error === null && written < bytes.length) this.#send(bytes.subarray(written));
      else {
        this.#size = this.#waiting.reduce((size, line) => size + line.length, 0);
        this.#next();
      }
    });
  }
}

/** One for all loggers of the process: lines of two queues could meet in the middle. */
const standardError = new LogLines(2);

/** Before the process ends: what is logged last is on its way still. */
export function logWritten(limitMs: number): Promise<void> {
  return standardError.flushed(limitMs);
}

/** JSON lines on standard error, so that standard output stays the commands' own. `facts`: in every line. */
export function createLogger(level: LogLevel, facts: object | null = null): LeveledLogger {
  return pino(
    {
      level,
      base: facts,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Header objects and tokens are never logged; this is the net below that rule.
      redact: { paths: ['*.authorization', '*.token', 'authorization', 'token'], remove: true },
    },
    standardError,
  );
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
