import type { CastBlock } from './cast-blocks.ts';
import { type CastReport, castFault } from './cast-check.ts';
import { type CastHeader, isObject, pickCastHeader, sessionIdOf } from './cast-header.ts';
import type { Hold } from './hold.ts';

export const MANIFEST_VERSION = 'kubewitness.dev/v1';

export type RecorderProtocol = 'v1' | 'v2';

/** What is known of one stored recording: the JSON file beside each cast, and the answer of the HTTP API. */
export interface Manifest {
  readonly apiVersion: typeof MANIFEST_VERSION;
  readonly id: string;
  /** Name of the cast below the storage folder. */
  readonly file: string;
  /** The proxy's session, from the cast header. */
  readonly sessionId?: string;
  /** ISO 8601, UTC. */
  readonly receivedAt: string;
  readonly endedAt: string;
  /** Address of the sender. Absent, like `protocol`, when the recorder was killed during the upload. */
  readonly from?: string;
  readonly protocol?: RecorderProtocol;
  /** Hex digest of the stored bytes. */
  readonly sha256: string;
  readonly bytes: number;
  /** Whole lines after the header. */
  readonly events: number;
  readonly durationSeconds: number;
  readonly header?: CastHeader;
  /** True only for a body that ended in order and is a whole asciicast v2. */
  readonly complete: boolean;
  readonly incompleteReason?: string;
  /** The cast cut into runs of lines, so that damage can be traced to a line. Left out of lists. */
  readonly blocks?: readonly CastBlock[];
}

/** Where and when an upload came in. */
export interface RecordingOrigin {
  readonly from: string;
  readonly protocol: RecorderProtocol;
}

export interface ManifestFacts {
  readonly id: string;
  readonly file: string;
  readonly receivedAt: Date;
  readonly endedAt: Date;
  readonly origin: RecordingOrigin | undefined;
  readonly sha256: string;
  readonly bytes: number;
  readonly report: CastReport;
  readonly blocks: readonly CastBlock[];
  /** Why the upload did not end in order; undefined if it did. */
  readonly cutReason: string | undefined;
}

export function manifestOf(facts: ManifestFacts): Manifest {
  const { report, origin } = facts;
  const reasons = [facts.cutReason, castFault(report)].filter(reason => reason !== undefined);
  const sessionId = sessionIdOf(report.header);
  return {
    apiVersion: MANIFEST_VERSION,
    id: facts.id,
    file: facts.file,
    ...(sessionId !== undefined && { sessionId }),
    receivedAt: facts.receivedAt.toISOString(),
    endedAt: facts.endedAt.toISOString(),
    ...(origin !== undefined && { from: origin.from, protocol: origin.protocol }),
    sha256: facts.sha256,
    bytes: facts.bytes,
    events: report.events,
    durationSeconds: report.durationSeconds,
    ...(report.header !== undefined && { header: report.header }),
    complete: reasons.length === 0,
    ...(reasons.length > 0 && { incompleteReason: reasons.join('; ') }),
    blocks: facts.blocks,
  };
}

/** As the file beside the cast: a field a line, a block a line. */
export function manifestText({ blocks, ...rest }: Manifest & { readonly hold?: Hold }): string {
  const text = JSON.stringify(rest, undefined, 2);
  if (blocks === undefined) return `${text}\n`;
  const list = blocks.map(block => `    ${JSON.stringify(block)}`).join(',\n');
  return `${text.slice(0, -2)},\n  "blocks": [${list === '' ? '' : `\n${list}\n  `}]\n}\n`;
}

/** Reads a manifest file. Undefined when it is not one of this version. */
export function parseManifest(text: string): Manifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value['apiVersion'] !== MANIFEST_VERSION) return undefined;
  const { id, file, receivedAt, endedAt, sha256, bytes, events, durationSeconds, complete } = value;
  if (typeof id !== 'string' || typeof file !== 'string' || typeof sha256 !== 'string') return undefined;
  if (typeof receivedAt !== 'string' || typeof endedAt !== 'string') return undefined;
  if (typeof bytes !== 'number' || typeof events !== 'number') return undefined;
  if (typeof durationSeconds !== 'number' || typeof complete !== 'boolean') return undefined;
  const { sessionId, from, protocol, header: rawHeader, incompleteReason, blocks } = value;
  const header = isObject(rawHeader) ? pickCastHeader(rawHeader) : undefined;
  return {
    apiVersion: MANIFEST_VERSION,
    id,
    file,
    ...(typeof sessionId === 'string' && { sessionId }),
    receivedAt,
    endedAt,
    ...(typeof from === 'string' && { from }),
    ...((protocol === 'v1' || protocol === 'v2') && { protocol }),
    sha256,
    bytes,
    events,
    durationSeconds,
    ...(header !== undefined && { header }),
    complete,
    ...(typeof incompleteReason === 'string' && { incompleteReason }),
    ...(Array.isArray(blocks) && blocks.every(isBlock) && { blocks }),
  };
}

/** What a list or an index says of a recording. */
export function summaryOf(manifest: Manifest): Manifest {
  const { blocks: _, ...summary } = manifest;
  return summary;
}

function isBlock(value: unknown): value is CastBlock {
  if (!isObject(value)) return false;
  const { bytes, lines, sha256, locator } = value;
  return (
    typeof bytes === 'number' &&
    typeof lines === 'number' &&
    typeof sha256 === 'string' &&
    typeof locator === 'string'
  );
}
