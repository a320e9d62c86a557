import type { TerminalSize } from '../kube/remotecommand.ts';
import { type Json, parseJson, valueAt } from './json.ts';

/** Longer than any size; text that never becomes one is dropped. */
const MAX_PENDING_CHARS = 1_024;

/** The resize stream: JSON values one after another, cut anywhere. Keeps the latest for whoever asks later. */
export class TerminalSizes {
  #pending = '';
  #latest: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  get latest(): TerminalSize | undefined {
    return this.#latest;
  }

  push(bytes: Buffer): void {
    this.#pending += bytes.toString('latin1');
    for (const [text] of this.#pending.matchAll(/\{[^{}]*\}/g)) this.#take(text);
    const end = this.#pending.lastIndexOf('}');
    this.#pending = this.#pending.slice(end + 1);
    if (this.#pending.length > MAX_PENDING_CHARS) this.#pending = '';
  }

  /** One listener at a time; it hears the latest size at once if there is one. */
  listen(listener: ((size: TerminalSize) => void) | undefined): void {
    this.#listener = listener;
    if (listener !== undefined && this.#latest !== undefined) listener(this.#latest);
  }

  /** The first size, or undefined after `limitMs`: a client may never send one. */
  first(limitMs: number): Promise<TerminalSize | undefined> {
    return new Promise(resolve => {
      const done = (size: TerminalSize | undefined) => {
        clearTimeout(timer);
        this.listen(undefined);
        resolve(size);
      };
      const timer = setTimeout(done, limitMs, undefined);
      this.listen(done);
    });
  }

  #take(text: string): void {
    const size = sizeOf(text);
    if (size === undefined) return;
    this.#latest = size;
    this.#listener?.(size);
  }
}

/** Go matches field names without regard to case; both are uint16, and a terminal cannot be of size 0. */
function sizeOf(text: string): TerminalSize | undefined {
  const lower = jsonOrUndefined(text.toLowerCase());
  const cols = valueAt(lower, 'width');
  const rows = valueAt(lower, 'height');
  return isLength(cols) && isLength(rows) ? { cols, rows } : undefined;
}

function isLength(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 0xffff;
}

function jsonOrUndefined(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
