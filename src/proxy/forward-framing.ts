import type { IncomingMessage } from 'node:http';
import { WitnessError } from '../errors.ts';

export interface Framing {
  /** The lines that tell upstream where this request's body ends. */
  readonly lines: readonly string[];
  readonly hasBody: boolean;
}

/** Methods whose requests announce no length when they have no body (RFC 9110 section 8.6). */
const USUALLY_BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * The framing of a request as it arrived. It is always said: Node writes the body of a GET, DELETE or OPTIONS without
 * any framing unless a line of these is there, and upstream reads such a body as the next request, with our credential
 * (nodejs/node#27880, CVE-2026-29057).
 *
 * @throws WitnessError KW_BAD_REQUEST for a coding that cannot be passed on
 */
export function framingOf(request: IncomingMessage): Framing {
  const { 'transfer-encoding': coding, 'content-length': length } = request.headers;
  if (coding !== undefined) {
    if (length !== undefined || coding.trim().toLowerCase() !== 'chunked') {
      throw new WitnessError('KW_BAD_REQUEST', 'the only transfer coding taken here is one "chunked"');
    }
    return { lines: ['Transfer-Encoding', 'chunked'], hasBody: true };
  }
  if (length !== undefined) return { lines: ['Content-Length', length], hasBody: length !== '0' };
  const bodiless = USUALLY_BODILESS.has(request.method ?? '');
  return { lines: bodiless ? [] : ['Content-Length', '0'], hasBody: false };
}
