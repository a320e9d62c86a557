import { open } from 'node:fs/promises';
import { FILE_MODE, writeAll } from './durable-file.ts';
import { errnoOf } from './storage.ts';

const NEWLINE = 0x0a;

/**
 * Append-only JSON lines. The file is opened anew for each line, so that it can be renamed away by a log rotation. A
 * line torn by a crash or a full disk is closed with a newline before the next one, never glued to it.
 */
export class LineLog {
  readonly #path: string;
  #tail: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Lines are written one after the other, in call order. */
  append(line: string): Promise<void> {
    const appended = this.#tail.then(() => this.#append(line));
    this.#tail = appended.catch(() => {
      // The caller of this append hears of it; the next one starts afresh.
    });
    return appended;
  }

  async #append(line: string): Promise<void> {
    const torn = await this.#lastLineIsTorn();
    const handle = await open(this.#path, 'a', FILE_MODE);
    try {
      await writeAll(handle, Buffer.from(`${torn ? '\n' : ''}${line}\n`, 'utf8'));
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  async #lastLineIsTorn(): Promise<boolean> {
    try {
      const handle = await open(this.#path, 'r');
      try {
        const { size } = await handle.stat();
        if (size === 0) return false;
        const last = Buffer.alloc(1);
        await handle.read(last, 0, 1, size - 1);
        return last[0] !== NEWLINE;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}
