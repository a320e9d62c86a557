import { openJsonlReader } from '../audit/jsonl-reader.ts';
import type { AuditLog } from '../audit/jsonl-sink.ts';
import { openJsonlSink } from '../audit/jsonl-sink.ts';
import { openPostgresReader } from '../audit/postgres/reader.ts';
import { openPostgresSink } from '../audit/postgres/sink.ts';
import type { AuditReader } from '../audit/reader.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';

/** The sink of a configuration; closing it sends what is left. */
export interface OpenAudit extends Omit<AuditLog, 'close'> {
  /** Whose chain this is, where several replicas write to one place. */
  readonly replica?: string;
  close(): Promise<void>;
}

/** Opens where the audit goes: a file, or a database behind a spool file. */
export async function openAudit(
  { audit }: Config,
  parts: {
    /** Names a chain that begins now. */
    readonly replica: string;
    readonly clock: Clock;
    readonly log: Logger;
    readonly readText: (file: string) => string;
  },
): Promise<OpenAudit> {
  const { replica, clock, log, readText } = parts;
  const failed = (error: unknown, event: { readonly type: string }): void =>
    log.error({ error: messageOf(error), event: event.type }, 'audit record cannot be written');
  const { onFailure, maxBytes } = audit;
  if (audit.postgres !== undefined) {
    return openPostgresSink({
      url: readText(audit.postgres.urlFile).trim(),
      spool: audit.postgres.spool,
      clock,
      replica,
      onFailure,
      failed,
      away: error => log.warn({ error: error.message }, 'audit database is away; records wait in the spool'),
    });
  }
  const sink = openJsonlSink({ file: audit.file ?? '', clock, replica, onFailure, maxBytes, failed });
  return {
    write: event => sink.write(event),
    settled: () => sink.settled(),
    health: () => sink.health(),
    mayStartSession: () => sink.mayStartSession(),
    close: async () => sink.close(),
  };
}

/** Reads what the sink of a configuration has written, and in a database what all replicas have. */
export function openAuditReader({ audit }: Config, readText: (file: string) => string): Promise<AuditReader> {
  return audit.postgres === undefined
    ? Promise.resolve().then(() => openJsonlReader(audit.file ?? ''))
    : openPostgresReader({ url: readText(audit.postgres.urlFile).trim() });
}
