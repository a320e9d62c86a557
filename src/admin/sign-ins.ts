import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Caller } from '../policy/caller.ts';

/** How long a sign-in holds at most; a token that has been withdrawn since still counts for as long. */
export const SIGN_IN_MS = 60 * 60 * 1000;
const MAX_SIGN_INS = 1_000;
/** Of one user; the oldest makes room, so that nobody can push out others. */
const MAX_PER_USER = 16;
const SECRET_BYTES = 32;

/** Somebody who has shown a token. */
export interface SignIn {
  readonly caller: Caller;
  /** Aborted when it is over, by time or by word. */
  readonly over: AbortSignal;
}

interface Entry extends SignIn {
  readonly end: AbortController;
  readonly timer: NodeJS.Timeout;
}

/**
 * Sign-ins of browsers, which cannot send a header with a WebSocket. They are in memory only, and by digest: neither the
 * token nor the secret that stands for it is kept.
 */
export class SignIns {
  readonly #clock: Pick<Clock, 'now'>;
  /** By digest of the secret, oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** The secret that stands for the caller from now on. `untilMs`: when the token itself ends, on the wall clock. */
  add(caller: Caller, untilMs = Number.POSITIVE_INFINITY): string {
    const own = [...this.#entries].filter(([, entry]) => entry.caller.user === caller.user);
    if (own.length >= MAX_PER_USER) this.#end(own[0]?.[0]);
    if (this.#entries.size >= MAX_SIGN_INS) this.#end(this.#entries.keys().next().value);
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const key = digestOf(secret);
    const end = new AbortController();
    const forMs = Math.max(0, Math.min(SIGN_IN_MS, untilMs - this.#clock.now()));
    const timer = setTimeout(() => this.#end(key), forMs).unref();
    this.#entries.set(key, { caller, over: end.signal, end, timer });
    return secret;
  }

  find(secret: string): SignIn | undefined {
    return this.#entries.get(digestOf(secret));
  }

  /** Idempotent. */
  remove(secret: string): void {
    this.#end(digestOf(secret));
  }

  close(): void {
    for (const key of [...this.#entries.keys()]) this.#end(key);
  }

  #end(key: string | undefined): void {
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || entry === undefined) return;
    this.#entries.delete(key);
    clearTimeout(entry.timer);
    entry.end.abort();
  }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('base64');
}
