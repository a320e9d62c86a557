const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const WHITE_SPACE = [0x20, 0x09, 0x0a, 0x0d];

export interface JsonObjectsResult {
  /** The objects that this chunk completed, in order. */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
  /** Set once, on the push that met it; nothing is read after it. */
  readonly violation?: string;
}

/**
 * Splits a stream of JSON objects that follow each other with or without white space (RFC 8259 section 2) between.
 * Resumable at any byte; holds at most `maxObjectBytes`.
 */
export class JsonObjects {
  readonly #maxObjectBytes: number;
  #object: number[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  #violated = false;

  constructor(maxObjectBytes: number) {
    this.#maxObjectBytes = maxObjectBytes;
  }

  /** True between two objects: the stream may end here. */
  get complete(): boolean {
    return this.#depth === 0 && !this.#violated;
  }

  push(chunk: Buffer): JsonObjectsResult {
    const objects: Readonly<Record<string, unknown>>[] = [];
    for (const byte of this.#violated ? [] : chunk) {
      const violation = this.#take(byte, objects);
      if (violation !== undefined) {
        this.#violated = true;
        this.#object = [];
        return { objects, violation };
      }
    }
    return { objects };
  }

  #take(byte: number, objects: Readonly<Record<string, unknown>>[]): string | undefined {
    if (this.#depth === 0) {
      if (WHITE_SPACE.includes(byte)) return undefined;
      if (byte !== OPEN) return `expected "{", got byte ${byte}`;
    }
    if (this.#object.length === this.#maxObjectBytes)
      return `an object of more than ${this.#maxObjectBytes} bytes`;
    this.#object.push(byte);
    this.#follow(byte);
    if (this.#depth > 0) return undefined;
    const object = parseObject(Buffer.from(this.#object));
    this.#object = [];
    if (object === undefined) return 'an object that is not JSON';
    objects.push(object);
    return undefined;
  }

  #follow(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString) {
      if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
    } else if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN) this.#depth++;
    else if (byte === CLOSE) this.#depth--;
  }
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    // It began with "{" and ended with its "}": JSON.parse gives an object or throws.
    return JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
