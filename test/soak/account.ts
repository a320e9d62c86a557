import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { openJsonlReader } from '../../src/audit/jsonl-reader.ts';
import type { AuditRecord } from '../../src/audit/schema.ts';
import { silentLogger } from '../../src/log.ts';
import { FolderReader } from '../../src/recorder/folder-reader.ts';
import { joinCasts } from '../../src/recorder/join-casts.ts';
import { planJoin } from '../../src/recorder/join-parts.ts';
import type { Manifest } from '../../src/recorder/manifest.ts';
import type { Acknowledged } from './ack-witness.ts';

export type SessionRecord = Extract<AuditRecord, { sessionId: string; target: unknown }>;
export type Ended = Extract<AuditRecord, { type: 'session.ended' }>;

/** The audit's records of each session, by pod: here a pod has one session. */
export async function sessionsIn(auditFile: string): Promise<Map<string, SessionRecord[]>> {
  const sessions = new Map<string, SessionRecord[]>();
  const reader = openJsonlReader(auditFile);
  for await (const { record } of reader.records()) {
    if (!('target' in record) || !('sessionId' in record)) continue;
    const records = sessions.get(record.target.pod) ?? [];
    records.push(record);
    sessions.set(record.target.pod, records);
  }
  await reader.close();
  return sessions;
}

export function endOf(records: readonly SessionRecord[]): Ended | undefined {
  return records.find((record): record is Ended => record.type === 'session.ended');
}

export interface StoredPart {
  readonly manifest: Manifest;
  readonly reader: FolderReader;
}

/** Every part in these folders. */
export async function partsIn(dirs: readonly string[]): Promise<StoredPart[]> {
  const parts: StoredPart[] = [];
  for (const dir of dirs) {
    const reader = new FolderReader(dir, silentLogger);
    for (const id of await reader.idsBefore(undefined, Number.MAX_SAFE_INTEGER)) {
      const manifest = await reader.get(id);
      if (manifest !== undefined) parts.push({ manifest, reader });
    }
  }
  return parts;
}

export function partId({ manifest }: StoredPart): string | undefined {
  const id = manifest.header?.kubewitness?.['recordingId'];
  return typeof id === 'string' ? id : undefined;
}

/** Whether the cast begins with the very bytes that were acknowledged. */
export function holds({ manifest, reader }: StoredPart, { bytes, sha256 }: Acknowledged): boolean {
  const cast = readFileSync(reader.castPath(manifest.id)).subarray(0, bytes);
  return cast.length === bytes && createHash('sha256').update(cast).digest('hex') === sha256;
}

/** What the command wrote, as the joined cast has it. Throws when the parts do not fit. */
export async function outputIn(parts: readonly StoredPart[]): Promise<string> {
  const segments = planJoin(parts.map(({ manifest }) => manifest));
  if (typeof segments === 'string') throw new Error(segments);
  const open = async (id: string, end: number | undefined): Promise<Readable> => {
    const part = parts.find(({ manifest }) => manifest.id === id);
    const cast = await part?.reader.openCast(id, end === undefined ? undefined : `bytes=0-${end - 1}`);
    if (cast === undefined) throw new Error(`${id} is gone`);
    return cast.body;
  };
  const chunks: Buffer[] = [];
  for await (const chunk of joinCasts(segments, open)) chunks.push(chunk);
  const [, ...events] = Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
  return events
    .map(line => JSON.parse(line))
    .filter(([, kind]) => kind === 'o')
    .map(([, , text]) => text)
    .join('');
}
