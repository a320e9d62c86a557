import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import type { AuditEnvelope, AuditEvent, AuditSink } from './record.ts';
import { AUDIT_API_VERSION } from './record.ts';

const NO_HASH = '0'.repeat(64);
/** One record is far smaller; a longer last line is not ours. */
const MAX_LINE_BYTES = 1024 * 1024;

export interface JsonlSinkOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Told of every record that could not be written. */
  readonly failed: (error: unknown, event: AuditEvent) => void;
}

/**
 * Append-only JSON lines, each carrying the SHA-256 of the line before it. Failures and ends are on disk when `write`
 * returns. Throws when the file cannot be opened or its last line is not an audit record.
 */
export function openJsonlSink({ file, clock, failed }: JsonlSinkOptions): AuditSink {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'a+', 0o600);
  let { seq, prevHash } = resume(fd, file);
  return {
    write(event) {
      try {
        const envelope: AuditEnvelope = {
          apiVersion: AUDIT_API_VERSION,
          time: new Date(clock.now()).toISOString(),
          seq: seq + 1,
          prevHash,
        };
        const line = JSON.stringify({ ...envelope, ...event });
        writeSync(fd, `${line}\n`);
        if (event.type === 'recording.failed' || event.type === 'session.ended') fdatasyncSync(fd);
        seq++;
        prevHash = hashOf(line);
      } catch (error) {
        failed(error, event);
      }
    },
    close: () => closeSync(fd),
  };
}

function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

/** Carries the chain on from the last whole line; a torn one (a crash in mid-write) is ended by a newline. */
function resume(fd: number, file: string): { seq: number; prevHash: string } {
  const { size } = fstatSync(fd);
  if (size === 0) return { seq: 0, prevHash: NO_HASH };
  const tail = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const lines = tail.toString('utf8').split('\n');
  const torn = lines.pop() ?? '';
  if (torn !== '') writeSync(fd, '\n');
  const last = lines.pop();
  if (last === undefined) return { seq: 0, prevHash: torn === '' ? NO_HASH : hashOf(torn) };
  return { seq: seqOf(last, file), prevHash: hashOf(torn === '' ? last : torn) };
}

function seqOf(line: string, file: string): number {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === 'object' && record !== null && 'seq' in record && typeof record.seq === 'number') {
      return record.seq;
    }
  } catch {
    // Said below: a line that is no JSON is no audit record either.
  }
  throw new Error(`${file}: the last line is not an audit record; move the file away to start a new chain`);
}
