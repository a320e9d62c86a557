import type { TerminalSize } from '../kube/remotecommand.ts';

/** A size takes about 30 bytes. Longer objects are none. */
const MAX_OBJECT_BYTES = 1024;
const MAX_CELLS = 65_535;

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

/**
 * Reads the resize stream: JSON objects one after another, cut anywhere (client-go `TerminalSize`). What is not a
 * size is skipped; reading starts afresh at the next object that can be one.
 */
export class ResizeReader {
  #object: number[] = [];
  #depth = 0;
  #arrays = 0;
  #string: 'outside' | 'inside' | 'escaped' = 'outside';
  /** The last byte that was not white space, outside strings. */
  #last = 0;

  push(bytes: Buffer): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    for (const byte of bytes) {
      const size = this.#take(byte);
      if (size !== undefined) sizes.push(size);
    }
    return sizes;
  }

  #take(byte: number): TerminalSize | undefined {
    if (this.#string === 'outside' && byte === OPEN && !this.#mayNest()) this.#restart();
    if (this.#depth === 0 && byte !== OPEN) return undefined;
    this.#object.push(byte);
    if (this.#string === 'outside') this.#outside(byte);
    else this.#inside(byte);
    if (this.#object.length > MAX_OBJECT_BYTES) this.#restart();
    if (this.#depth > 0 || this.#object.length === 0) return undefined;
    const size = sizeOf(Buffer.from(this.#object).toString('utf8'));
    this.#restart();
    return size;
  }

  /** Whether JSON may have an object here, inside the one that is open. If not, that one was cut. */
  #mayNest(): boolean {
    const inArray = this.#arrays > 0 && (this.#last === COMMA || this.#last === OPEN_ARRAY);
    return this.#last === COLON || inArray;
  }

  #outside(byte: number): void {
    if (byte === OPEN) this.#depth++;
    else if (byte === CLOSE) this.#depth--;
    else if (byte === OPEN_ARRAY) this.#arrays++;
    else if (byte === CLOSE_ARRAY) this.#arrays--;
    else if (byte === QUOTE) this.#string = 'inside';
    if (byte > SPACE) this.#last = byte;
  }

  #inside(byte: number): void {
    // A raw control character cannot be in a JSON string: an object was cut, and another one follows.
    if (byte < SPACE) this.#restart();
    else if (this.#string === 'escaped') this.#string = 'inside';
    else if (byte === BACKSLASH) this.#string = 'escaped';
    else if (byte === QUOTE) this.#string = 'outside';
  }

  #restart(): void {
    this.#object = [];
    this.#depth = 0;
    this.#arrays = 0;
    this.#string = 'outside';
    this.#last = 0;
  }
}

/** Go's decoder, which servers use, matches field names without regard to case. */
function sizeOf(json: string): TerminalSize | undefined {
  let cols: unknown;
  let rows: unknown;
  for (const [name, value] of Object.entries(parsed(json))) {
    if (name.toLowerCase() === 'width') cols = value;
    if (name.toLowerCase() === 'height') rows = value;
  }
  return isCells(cols) && isCells(rows) ? { cols, rows } : undefined;
}

function parsed(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function isCells(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_CELLS;
}
