import { randomBytes } from 'node:crypto';

/**
 * 32 hex digits: 12 of the time in milliseconds, 20 random. File names are computed from the id alone, so a look-up
 * reads no directory, and nothing that a client sends can become part of a path.
 */
const RECORDING_ID = /^[0-9a-f]{32}$/;
const STORED_NAME =
  /^\d{8}T\d{6}Z-([0-9a-f]{32})(\.cast\.part|\.cast|\.json\.part|\.json|\.hold\.part|\.hold)$/;
const TIME_DIGITS = 12;
const RANDOM_BYTES = 10;

const STORED_KINDS = ['.cast.part', '.cast', '.json.part', '.json', '.hold.part', '.hold'] as const;
export type StoredKind = (typeof STORED_KINDS)[number];

/** `nowMs` is wall time in milliseconds since the epoch. */
export function newRecordingId(nowMs: number): string {
  const time = Math.max(0, Math.trunc(nowMs)).toString(16).padStart(TIME_DIGITS, '0');
  return time.slice(-TIME_DIGITS) + randomBytes(RANDOM_BYTES).toString('hex');
}

export function isRecordingId(text: string): boolean {
  return RECORDING_ID.test(text);
}

/** When the id was made. */
export function timeOfRecording(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, TIME_DIGITS), 16));
}

/** `20260101T000000Z-<id>` and the ending: names sort by time. */
export function storedName(id: string, kind: StoredKind): string {
  const stamp = timeOfRecording(id)
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${id}${kind}`;
}

/** The id and kind of a file that we made; undefined for every other name. */
export function parseStoredName(name: string): { id: string; kind: StoredKind } | undefined {
  const match = STORED_NAME.exec(name);
  const id = match?.[1];
  const kind = match?.[2];
  if (id === undefined || !isStoredKind(kind) || storedName(id, kind) !== name) return undefined;
  return { id, kind };
}

function isStoredKind(text: string | undefined): text is StoredKind {
  return STORED_KINDS.some(kind => kind === text);
}
