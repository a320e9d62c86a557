import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { ChainEnd } from './chain.ts';
import { nextLine } from './chain.ts';
import type { SinkFailurePolicy, SinkHealth } from './health.ts';
import { mayStart } from './health.ts';
import { LiveFile } from './live-file.ts';
import { interruptedSessions } from './orphans.ts';
import type { AuditEvent, AuditSink } from './record.ts';
import { ulid } from './ulid.ts';

export interface JsonlSinkOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Name of this process in records; a chain adds eight hex digits to it. */
  readonly replica?: string;
  /** A file that has grown to this is put aside. Bytes. */
  readonly maxBytes?: number;
  /** What becomes of new sessions while the disk takes no records. */
  readonly onFailure?: SinkFailurePolicy;
  /** Told of every line that stands in the file. */
  readonly written?: (line: string) => void;
  /** Told of every record that could not be written at once. It waits, as far as there is room. */
  readonly failed: (error: unknown, event: AuditEvent) => void;
}

/** A sink that says how it is. */
export interface AuditLog extends AuditSink {
  /** Resolves when what was written is on disk, as far as it is to be; or when the disk fails, which `health` tells. */
  settled(): Promise<void>;
  health(): SinkHealth;
  /** Whether the policy lets a session begin now. */
  mayStartSession(): boolean;
}

/** Records that wait for a disk that takes none; past it they are lost, and counted. About 16 MiB. */
const MAX_WAITING = 10_000;
/** Between two tries while the disk fails. */
const RETRY_MS = 1_000;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

interface Waiting {
  readonly id: string;
  readonly time: string;
  readonly event: AuditEvent;
}

/**
 * Append-only JSON lines in a hash chain that restarts and rotation carry on. Failures of recordings are on disk when
 * `write` returns. Ends, and the decision of a session that fails closed, are there when the sink has settled: a sync
 * begins with the turn of the event loop, or when the one under way is over, and serves all that came before it. A disk
 * that fails makes the sink `failing`: records wait and are tried again. Sessions that a crash left open are ended at
 * once. Throws when the file cannot be opened or is no audit.
 */
export function openJsonlSink(options: JsonlSinkOptions): AuditLog {
  const sink = new JsonlSink(options);
  for (const event of interruptedSessions(options.file)) sink.write(event);
  return sink;
}

/** The sink alone: who opens it this way sees to the sessions of a crash. */
export class JsonlSink implements AuditLog {
  readonly #options: JsonlSinkOptions;
  readonly #waiting: Waiting[] = [];
  /** Written, and not known to be on disk: from the first that is to be on, with all that came behind it. */
  readonly #unsynced: Waiting[] = [];
  #syncing = false;
  #tellSettled: (() => void)[] = [];
  #live: LiveFile | undefined;
  #lost = 0;
  #failure: { readonly since: string; readonly error: string } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: JsonlSinkOptions) {
    this.#options = options;
    this.#live = this.#open();
  }

  write(event: AuditEvent): void {
    const now = this.#options.clock.now();
    const waiting = { id: ulid(now), time: new Date(now).toISOString(), event };
    if (this.#closed || this.#waiting.length >= MAX_WAITING) {
      this.#lost++;
      this.#options.failed(new Error(this.#closed ? 'the audit is closed' : 'too many records wait'), event);
      return;
    }
    this.#waiting.push(waiting);
    // While the disk fails its timer tries; each record would else try the whole queue.
    if (this.#failure === undefined) this.#flush();
    else this.#options.failed(new Error(this.#failure.error), event);
  }

  health(): SinkHealth {
    const [oldest] = this.#waiting;
    const lagMs = oldest === undefined ? 0 : this.#options.clock.now() - Date.parse(oldest.time);
    const counts = { lost: this.#lost, waiting: this.#waiting.length, lagMs: Math.max(lagMs, 0) };
    return this.#failure === undefined
      ? { state: 'ok', ...counts }
      : { state: 'failing', ...this.#failure, ...counts };
  }

  mayStartSession(): boolean {
    return mayStart(this.health(), this.#options.onFailure ?? 'refuseSessions');
  }

  settled(): Promise<void> {
    if (this.#unsynced.length === 0) return Promise.resolve();
    return new Promise(resolve => this.#tellSettled.push(resolve));
  }

  /** Where the chain ends now; undefined while the disk fails. */
  get end(): ChainEnd | undefined {
    return this.#live?.end;
  }

  close(): void {
    if (this.#closed) return;
    if (this.#waiting.length > 0) this.#flush();
    this.#syncBeforeClose();
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#lost += this.#waiting.splice(0).length;
    this.#live?.close();
    this.#live = undefined;
  }

  #open(): LiveFile {
    return new LiveFile(this.#options.file, this.#options.replica ?? 'kubewitness');
  }

  readonly #flush = (): void => {
    try {
      if (this.#live === undefined) {
        this.#live = this.#open();
        this.#takeUp(this.#live);
      }
      this.#writeWaiting(this.#live);
      this.#failure = undefined;
    } catch (error) {
      this.#fail(error);
    }
  };

  /** Some of what waits may have been written before the disk failed; the last of it is the end of the chain. */
  #takeUp(live: LiveFile): void {
    const written = this.#waiting.findIndex(({ id }) => id === live.end.id) + 1;
    this.#unsynced.push(...this.#waiting.splice(0, written));
    if (written > 0) this.#sync(live);
  }

  #writeWaiting(live: LiveFile): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const durable = durabilityOf(next.event);
      this.#append(live, next);
      this.#waiting.shift();
      if (durable !== 'none' || this.#unsynced.length > 0) this.#unsynced.push(next);
      if (durable === 'atOnce') this.#sync(live);
      else if (durable === 'soon') this.#syncSoon();
    }
  }

  #sync(live: LiveFile): void {
    live.sync();
    this.#unsynced.length = 0;
  }

  /** One sync at a time: what is written while the disk is at work shares the next one. */
  #syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    setImmediate(() => {
      const told = this.#tellSettled.splice(0);
      const last = this.#unsynced.at(-1);
      const over = (error: unknown): void => {
        this.#syncing = false;
        if (error !== null && !this.#closed) this.#fail(error);
        else if (last !== undefined) this.#unsynced.splice(0, this.#unsynced.indexOf(last) + 1);
        for (const tell of told) tell();
        if (this.#unsynced.length > 0 || this.#tellSettled.length > 0) this.#syncSoon();
      };
      if (this.#live === undefined || last === undefined) over(null);
      else this.#live.syncLater(over);
    });
  }

  #syncBeforeClose(): void {
    try {
      if (this.#live !== undefined && this.#unsynced.length > 0) this.#sync(this.#live);
    } catch (error) {
      this.#fail(error);
    }
  }

  #append(live: LiveFile, { id, time, event }: Waiting): void {
    const { torn } = live;
    const { line, end } = nextLine(
      live.end,
      { id, time, ...(torn === undefined ? {} : { tornBefore: torn }) },
      event,
    );
    if (live.size > 0 && live.size + line.length > (this.#options.maxBytes ?? DEFAULT_MAX_BYTES)) {
      live.rotate();
    }
    live.append(line, end);
    this.#options.written?.(line);
  }

  /** What the disk holds now is not known: the file is opened anew, and its end read. */
  #fail(error: unknown): void {
    this.#waiting.unshift(...this.#unsynced.splice(0));
    const event = this.#waiting[0]?.event;
    this.#failure ??= { since: new Date(this.#options.clock.now()).toISOString(), error: messageOf(error) };
    if (event !== undefined) this.#options.failed(error, event);
    try {
      this.#live?.close();
    } catch (closing) {
      this.#failure = { ...this.#failure, error: `${messageOf(error)}; ${messageOf(closing)}` };
    }
    this.#live = undefined;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.#flush, RETRY_MS).unref();
  }
}

/** What must survive the machine, not only the process, and by when. */
function durabilityOf(event: AuditEvent): 'atOnce' | 'soon' | 'none' {
  if (event.type === 'recording.failed') return 'atOnce';
  if (event.type === 'session.ended') return 'soon';
  return event.type === 'session.decided' && event.failMode === 'closed' ? 'soon' : 'none';
}
