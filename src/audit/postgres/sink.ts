import { statSync } from 'node:fs';
import type { Clock } from '../../clock.ts';
import type { SinkFailurePolicy, SinkHealth } from '../health.ts';
import { mayStart } from '../health.ts';
import type { AuditLog } from '../jsonl-sink.ts';
import { JsonlSink } from '../jsonl-sink.ts';
import { auditFiles } from '../lines.ts';
import type { AuditEvent } from '../record.ts';
import { openDatabase } from './database.ts';
import { Shipper } from './shipper.ts';

export interface PostgresSinkOptions {
  readonly url: string;
  /** File in which records wait for the server; it should outlive the process. */
  readonly spool: string;
  /** What may wait there; past it records are lost, and counted. Bytes. */
  readonly maxSpoolBytes?: number;
  /** A spool file that has grown to this is put aside, and deleted once it is sent. Bytes. */
  readonly maxFileBytes?: number;
  readonly clock: Clock;
  readonly replica?: string;
  readonly onFailure?: SinkFailurePolicy;
  /** How long a process may be silent before another replica ends its sessions. */
  readonly leaseMs?: number;
  readonly failed: (error: unknown, event: AuditEvent) => void;
  /** The server is away; records wait in the spool. */
  readonly away: (error: Error) => void;
}

export interface PostgresSink extends Omit<AuditLog, 'close'> {
  /** Whose chain this is, as the records say it. */
  readonly replica: string;
  /** Sends what is left as far as the server takes it in a few seconds; the spool keeps the rest. */
  close(): Promise<void>;
}

const MAX_SPOOL_BYTES = 1024 * 1024 * 1024;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const LEASE_MS = 60_000;
const CLOSE_LIMIT_MS = 5_000;

/**
 * The same records in the same chain, first in a spool on disk and from there in batches to PostgreSQL. What is durable
 * in the file sink is durable here too, whether the server is there or not. Throws when the spool cannot be opened;
 * rejects when the packages are not installed.
 */
export async function openPostgresSink(options: PostgresSinkOptions): Promise<PostgresSink> {
  const { url, spool, clock, away } = options;
  const db = await openDatabase({ url, failed: away });
  const maxBytes = options.maxSpoolBytes ?? MAX_SPOOL_BYTES;
  let unsentBytes = 0;
  let unsent = 0;
  /** Since when there was something to send, or of when the last was that was sent. Milliseconds since the epoch. */
  let behindSince = 0;
  let refused = 0;
  let fullSince: string | undefined;
  const file = new JsonlSink({
    ...options,
    file: spool,
    maxBytes: options.maxFileBytes ?? MAX_FILE_BYTES,
    written: line => {
      unsentBytes += bytesOf(line);
      if (unsent++ === 0) behindSince = clock.now();
      shipper.wake();
    },
  });
  const { replica = '', seq = 0 } = file.end ?? {};
  for (const part of auditFiles(spool)) unsentBytes += statSync(part).size;

  const write = (event: AuditEvent): void => {
    if (unsentBytes < maxBytes) {
      file.write(event);
      return;
    }
    refused++;
    fullSince ??= new Date(clock.now()).toISOString();
    options.failed(new Error(`more than ${maxBytes} bytes wait for the database`), event);
  };
  const shipper = new Shipper({
    db,
    spool,
    replica,
    startSeq: seq,
    clock,
    leaseMs: options.leaseMs ?? LEASE_MS,
    sent: rows => {
      for (const { line } of rows) unsentBytes -= bytesOf(line);
      unsent = Math.max(unsent - rows.length, 0);
      behindSince = rows.at(-1)?.time.getTime() ?? behindSince;
      if (unsentBytes < maxBytes) fullSince = undefined;
    },
    orphan: write,
    failed: away,
  });
  shipper.wake();

  const health = (): SinkHealth => {
    const state = file.health();
    const lagMs = Math.max(unsent === 0 ? 0 : clock.now() - behindSince, state.lagMs ?? 0);
    const counts = { lost: state.lost + refused, waiting: state.waiting + unsent, lagMs };
    if (fullSince === undefined || state.state === 'failing') return { ...state, ...counts };
    return { state: 'failing', since: fullSince, error: 'the spool is full', ...counts };
  };
  return {
    replica,
    write,
    settled: () => file.settled(),
    health,
    mayStartSession: () => mayStart(health(), options.onFailure ?? 'refuseSessions'),
    close: async () => {
      await shipper.close(CLOSE_LIMIT_MS);
      file.close();
    },
  };
}

/** As it lies in the spool, with its newline. */
function bytesOf(line: string): number {
  return Buffer.byteLength(line) + 1;
}
