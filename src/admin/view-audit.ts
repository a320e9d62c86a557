import type { AuditSink, AuditSubject } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';

/** The same look at the same thing within this is one record: a player reads a cast in pieces, and comes again after a cut. */
const ONE_LOOK_MS = 60_000;
/** Looks that are remembered. Past it the oldest is forgotten, which costs a record more. */
const MAX_LOOKS = 1_000;

export interface Look {
  readonly how: 'live' | 'play' | 'download';
  readonly recording?: { readonly id: string };
  readonly sessionId?: string;
}

export interface ViewAuditOptions {
  readonly audit: AuditSink;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Whether the audit's policy lets anything begin now. */
  readonly mayBegin: () => boolean;
}

/** Writes down who looks at what was recorded, before they see it. */
export class ViewAudit {
  readonly #options: ViewAuditOptions;
  /** When a look was last written down; oldest first. */
  readonly #looks = new Map<string, number>();

  constructor(options: ViewAuditOptions) {
    this.#options = options;
  }

  /** Throws KW_AUDIT_UNAVAILABLE: what is not written down is not shown. */
  viewed(subject: AuditSubject, look: Look): void {
    const { audit, clock, mayBegin } = this.#options;
    if (!mayBegin()) {
      throw new WitnessError(
        'KW_AUDIT_UNAVAILABLE',
        'the audit cannot be written, and nothing is shown without it',
      );
    }
    const { user, source, address } = subject;
    const key = JSON.stringify([user, source, address, look.how, look.recording?.id, look.sessionId]);
    const now = clock.monotonic();
    const before = this.#looks.get(key);
    if (before !== undefined && now - before < ONE_LOOK_MS) return;
    this.#looks.delete(key);
    this.#looks.set(key, now);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > MAX_LOOKS && oldest !== undefined) this.#looks.delete(oldest);
    audit.write({ type: 'recording.viewed', subject, ...look });
  }
}
