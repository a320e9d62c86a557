import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program that writes JSON lines, some of them in answer to what it reads. */
export class LinePeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  constructor(binary: string, args: readonly string[] = []) {
    this.#child = spawn(binary, args);
    this.#closed = once(this.#child, 'close');
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // A write to a program that has died: its silence is reported by `next`.
    this.#child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  write(value: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`);
  }

  /** The next line that the program writes. Rejects with its stderr when it ends instead. */
  async next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (!line.done) return JSON.parse(line.value);
    await this.#closed;
    throw new Error(`the program ended (code ${this.#child.exitCode}): ${this.#stderr}`);
  }

  /** Ends its input and waits for it to go. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
