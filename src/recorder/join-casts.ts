import type { Readable } from 'node:stream';
import { CastCheck, castFault } from './cast-check.ts';
import type { JoinSegment } from './join-parts.ts';

const NEWLINE = 0x0a;

/**
 * The joined cast, a chunk at a time. Throws, after the last chunk, when the whole is no cast: then the parts did not
 * fit, and what was given out is not to be kept. `openPart` gives a part's bytes up to `end`, or up to its last whole
 * line.
 */
export async function* joinCasts(
  segments: readonly JoinSegment[],
  openPart: (id: string, end: number | undefined) => Promise<Readable>,
): AsyncGenerator<Buffer> {
  const check = new CastCheck();
  for (const { id, start, end } of segments) {
    let inHeader = start === 'afterHeader';
    for await (const chunk of await openPart(id, end)) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError('a read without an encoding gave no bytes');
      const newline = inHeader ? chunk.indexOf(NEWLINE) : -1;
      if (inHeader && newline === -1) continue;
      inHeader = false;
      const rest = chunk.subarray(newline + 1);
      check.push(rest);
      yield rest;
    }
  }
  const fault = castFault(check.report());
  if (fault !== undefined) throw new Error(`the parts do not make one cast: ${fault}`);
}
