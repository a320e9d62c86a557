import type { ServerResponse } from 'node:http';
import type { Container } from './container.ts';
import { badRequest } from './failure.ts';
import type { LogEntry } from './log-ring.ts';
import type { Query } from './request-target.ts';

/** Serves `GET …/log`. @throws ApiFailure before anything is written */
export function servePodLog(
  container: Container,
  query: Query,
  nowMs: number,
  response: ServerResponse,
): void {
  if (query.flag('previous')) {
    const { name, pod } = container.spec;
    throw badRequest(`previous terminated container "${name}" in pod "${pod}" not found`);
  }
  const sinceMs = startTime(query, nowMs);
  const follow = query.flag('follow');
  const timestamps = query.flag('timestamps');
  const tail = query.count('tailLines');
  let left = query.count('limitBytes') ?? Number.POSITIVE_INFINITY;
  let next = tail === undefined ? 0 : container.log.tailStart(tail);

  const stopListening = container.log.onChange(pump);
  response.on('drain', pump);
  response.once('close', stop);
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  pump();

  /** Reads on at the client's pace; what has left the ring meanwhile is skipped. */
  function pump(): void {
    for (const entry of container.log.from(next)) {
      if (response.writableNeedDrain || left <= 0) break;
      next = entry.sequence + 1;
      if (entry.at < sinceMs) continue;
      const bytes = shown(entry, timestamps).subarray(0, left);
      left -= bytes.length;
      response.write(bytes);
    }
    if (response.writableNeedDrain) return;
    if (left <= 0 || !follow || container.log.ended) stop();
  }

  function stop(): void {
    stopListening();
    response.removeListener('drain', pump);
    response.end();
  }
}

function shown(entry: LogEntry, timestamps: boolean): Buffer {
  if (!timestamps || !entry.startsLine) return entry.bytes;
  return Buffer.concat([Buffer.from(`${new Date(entry.at).toISOString()} `, 'latin1'), entry.bytes]);
}

/** Milliseconds since the Unix epoch. */
function startTime(query: Query, nowMs: number): number {
  const seconds = query.count('sinceSeconds');
  if (seconds !== undefined) return nowMs - seconds * 1_000;
  const time = query.first('sinceTime');
  if (time === undefined) return 0;
  const at = Date.parse(time);
  if (Number.isNaN(at)) throw badRequest(`sinceTime: ${time}`);
  return at;
}
