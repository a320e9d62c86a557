import { isObject } from './cast-header.ts';
import type { Manifest } from './manifest.ts';

/** Bytes of one part's cast that belong to the joined one: from `start`, or from after its header line, to `end`. */
export interface JoinSegment {
  readonly id: string;
  readonly start: 'header' | 'afterHeader';
  /** Undefined: to its last whole line. */
  readonly end: number | undefined;
}

interface Continues {
  /** The proxy's name or our id of the part that is carried on; or the session's id, for the part before this one. */
  readonly recording: string;
  /** Bytes of that part that stand; what follows them is told again by this one. */
  readonly offset: number;
}

/**
 * Puts the parts of one session in order. Event times need no shifting: each part counts from the start of the session.
 * A string says why they do not fit together.
 */
export function planJoin(manifests: readonly Manifest[]): readonly JoinSegment[] | string {
  const parts = [...manifests].sort(byOrder);
  const segments: JoinSegment[] = [];
  for (const part of parts) {
    const continues = continuesOf(part);
    if (continues === undefined) {
      if (segments.length > 0) return `${part.id} begins the session anew: there is nothing to join it by`;
      segments.push({ id: part.id, start: 'header', end: undefined });
      continue;
    }
    const isSession = continues.recording === part.sessionId;
    const target = isSession
      ? segments.at(-1)?.id
      : parts.find(({ id, header }) =>
          [id, header?.kubewitness?.['recordingId']].includes(continues.recording),
        )?.id;
    const at = segments.findIndex(({ id }) => id === target);
    const before = parts.find(({ id }) => id === segments[at]?.id);
    if (before === undefined && continues.offset === 0 && segments.length === 0) {
      // Its predecessor left nothing behind, so nothing of it is missing.
      segments.push({ id: part.id, start: 'header', end: undefined });
      continue;
    }
    if (before === undefined) return `${part.id} carries on ${continues.recording}, which is not here`;
    if (continues.offset > before.bytes) {
      return `${part.id} carries on ${before.id} after byte ${continues.offset}, but that has only ${before.bytes}`;
    }
    segments.splice(at);
    if (continues.offset > 0)
      segments.push({ id: before.id, start: startOf(segments), end: continues.offset });
    segments.push({ id: part.id, start: startOf(segments), end: undefined });
  }
  return segments.length === 0 ? 'there are no parts' : segments;
}

/**
 * The proxy counts the parts of a session. Our ids begin with the time of the recorder that made them, and two recorders
 * need not have the same: they decide where nothing is counted.
 */
function byOrder(one: Manifest, other: Manifest): number {
  const [first, second] = [partNumber(one), partNumber(other)];
  if (first !== undefined && second !== undefined && first !== second) return first - second;
  return one.id < other.id ? -1 : 1;
}

/** Of `SESSION.N`. */
function partNumber({ header, sessionId }: Manifest): number | undefined {
  const id = header?.kubewitness?.['recordingId'];
  if (typeof id !== 'string' || sessionId === undefined || !id.startsWith(`${sessionId}.`)) return undefined;
  const digits = id.slice(sessionId.length + 1);
  return /^[0-9]{1,9}$/.test(digits) ? Number(digits) : undefined;
}

function startOf(before: readonly JoinSegment[]): JoinSegment['start'] {
  return before.length === 0 ? 'header' : 'afterHeader';
}

export function continuesOf(manifest: Manifest): Continues | undefined {
  const continues = manifest.header?.kubewitness?.['continues'];
  if (!isObject(continues)) return undefined;
  const { recording, offset } = continues;
  if (typeof recording !== 'string' || typeof offset !== 'number' || !Number.isSafeInteger(offset))
    return undefined;
  return offset < 0 ? undefined : { recording, offset };
}
