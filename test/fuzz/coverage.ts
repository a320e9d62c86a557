import { Session } from 'node:inspector';

/** Offsets in one script; V8 tells the outer range first, and what differs inside it after it. */
interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** Which bytes of the watched files have ever run: V8's own block coverage, so that nothing need be rewritten. */
export class Coverage {
  readonly #session = new Session();
  readonly #files: readonly string[];
  readonly #seen = new Map<string, Uint8Array>();
  #bytes = 0;

  /** `files`: ends of the paths of those that are watched. */
  constructor(files: readonly string[]) {
    this.#files = files;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Bytes of source that have run so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many bytes have run since it was asked last that had never run before. */
  news(): number {
    let scripts: readonly Script[] = [];
    // Answered before it returns: the session is of this thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      scripts = result;
    });
    const before = this.#bytes;
    for (const script of scripts) {
      if (this.#files.some(file => script.url.endsWith(file))) this.#take(script);
    }
    return this.#bytes - before;
  }

  close(): void {
    this.#session.disconnect();
  }

  #take({ url, functions }: Script): void {
    const end = Math.max(0, ...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
    const ran = new Uint8Array(end);
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges)
        ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    const seen = this.#seen.get(url) ?? new Uint8Array(0);
    const now = new Uint8Array(Math.max(end, seen.length));
    now.set(seen);
    for (const [at, flag] of ran.entries()) {
      if (flag === 0 || now[at] === 1) continue;
      now[at] = 1;
      this.#bytes++;
    }
    this.#seen.set(url, now);
  }
}
