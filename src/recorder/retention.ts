import type { Clock } from '../clock.ts';
import type { RecorderLog } from './log.ts';
import type { Manifest } from './manifest.ts';
import type { RecordingStorage } from './storage.ts';

/** What may go. A recording on hold never does; one that is still being written is not looked at. */
export interface RetentionPolicy {
  readonly keepMs?: number;
  /** All casts together. The oldest go first; casts on hold count and stay. */
  readonly keepBytes?: number;
}

export interface RetentionOptions {
  readonly storage: RecordingStorage;
  readonly policy: RetentionPolicy;
  readonly clock: Clock;
  readonly log: RecorderLog;
  readonly everyMs?: number;
}

type RetentionReason = 'age' | 'size';

const EVERY_MS = 3_600_000;
const PAGE = 500;

/** Deletes what is too old or too much, once at the start and then every hour. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;
  #sweep: Promise<number> | undefined;
  #stopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = setInterval(this.#onTime, options.everyMs ?? EVERY_MS);
    this.#onTime();
  }

  /** Resolves to the number of deleted recordings; a sweep under way is joined. */
  sweep(): Promise<number> {
    this.#sweep ??= this.#run().finally(() => {
      this.#sweep = undefined;
    });
    return this.#sweep;
  }

  /** Lets the recording in hand be deleted and stops. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#sweep?.catch(() => {
      // Logged by whoever started it.
    });
  }

  readonly #onTime = (): void => {
    this.sweep().catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'a retention sweep failed');
    });
  };

  /** Newest first: once the sum is past the bound, all that follows is older still. */
  async #run(): Promise<number> {
    const { storage } = this.#options;
    let bytes = 0;
    let deleted = 0;
    for (let before: string | undefined; ; ) {
      const page = await storage.search({ limit: PAGE, ...(before !== undefined && { before }) });
      for (const manifest of page.manifests) {
        bytes += manifest.bytes;
        const reason = this.#reason(manifest, bytes);
        if (reason === undefined || (await storage.hold(manifest.id)) !== undefined) continue;
        if (this.#stopped) return deleted;
        await this.#delete(manifest, reason);
        deleted++;
      }
      if (page.next === undefined || this.#stopped) return deleted;
      before = page.next;
    }
  }

  #reason(manifest: Manifest, bytesSoFar: number): RetentionReason | undefined {
    const { keepMs, keepBytes } = this.#options.policy;
    const ageMs = this.#options.clock.now() - Date.parse(manifest.endedAt);
    if (keepMs !== undefined && ageMs > keepMs) return 'age';
    return keepBytes !== undefined && bytesSoFar > keepBytes ? 'size' : undefined;
  }

  /** Said before it is done: no deletion without its line, though a crash may leave a line twice. */
  async #delete(manifest: Manifest, reason: RetentionReason): Promise<void> {
    const { storage, clock, log } = this.#options;
    const { id: recordingId, sessionId, file, bytes, sha256, receivedAt } = manifest;
    const facts = { recordingId, sessionId, file, bytes, sha256, receivedAt, reason };
    const at = new Date(clock.now()).toISOString();
    await storage.appendRetention(JSON.stringify({ at, ...facts }));
    await storage.remove(recordingId);
    log.info(facts, 'a recording was deleted by retention');
  }
}
