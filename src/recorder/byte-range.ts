/** A part of a cast: `length` bytes from `first`, counted from 0. */
export interface BytePart {
  readonly first: number;
  readonly length: number;
}

/**
 * What a Range header asks for of so many bytes (RFC 9110 14.1.2, 14.2). Undefined: all of it, which is also the answer
 * to several ranges, other units and what is no range. `none`: nothing lies there.
 */
export function partOf(range: string | undefined, bytes: number): BytePart | 'none' | undefined {
  const match = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/.exec(range ?? '');
  if (match === null) return undefined;
  const [, from, to, suffix] = match;
  const first = from === undefined ? Math.max(0, bytes - Number(suffix)) : Number(from);
  const last = Math.min(to === undefined ? Number.POSITIVE_INFINITY : Number(to), bytes - 1);
  if (from !== undefined && to !== undefined && Number(to) < Number(from)) return undefined;
  return first > last ? 'none' : { first, length: last - first + 1 };
}

/** Status, headers and length of the answer that carries the part (RFC 9110 14.4, 15.3.7, 15.5.17). */
export function headOf(
  part: BytePart | 'none' | undefined,
  bytes: number,
): { status: 200 | 206 | 416; length: number; headers: Readonly<Record<string, string>> } {
  const units = { 'accept-ranges': 'bytes' };
  if (part === undefined) return { status: 200, length: bytes, headers: units };
  if (part === 'none') {
    return { status: 416, length: 0, headers: { ...units, 'content-range': `bytes */${bytes}` } };
  }
  const { first, length } = part;
  const range = `bytes ${first}-${first + length - 1}/${bytes}`;
  return { status: 206, length, headers: { ...units, 'content-range': range } };
}
