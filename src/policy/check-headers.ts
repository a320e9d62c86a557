import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { valuesOf } from '../headers.ts';
import { singleValue } from '../kube/single-value.ts';

/** Headers of which peers take the first line, the last or both. */
const SINGLE = [
  'Host',
  'Authorization',
  'Upgrade',
  'Content-Type',
  'Content-Length',
  'Content-Encoding',
  'Transfer-Encoding',
  'Expect',
  'User-Agent',
] as const;

/** Of those, the ones whose one value is no list either. */
const UNLISTED = ['Host', 'Upgrade', 'Content-Type', 'Content-Length'] as const;

/**
 * Refuses header lists that two readers could read as two different requests, whatever the request is for. Throws
 * KW_BAD_REQUEST, or KW_EXPECTATION_FAILED.
 */
export function checkHeaders(raw: RawHeaders): void {
  for (const name of SINGLE) singleValue(raw, name);
  for (const name of UNLISTED) {
    const value = singleValue(raw, name);
    if (value?.includes(',') !== true) continue;
    // A comma in a quoted parameter of a media type is not a list.
    if (value.replace(/"(?:[^"\\]|\\.)*"/g, '').includes(',')) {
      throw bad(`the header ${name} takes one value`);
    }
  }
  checkFraming(raw);
  const expectation = singleValue(raw, 'Expect');
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue') {
    throw new WitnessError('KW_EXPECTATION_FAILED', 'the only expectation met here is 100-continue');
  }
}

/** RFC 9112 section 6.3: where a body ends must not depend on who reads. */
function checkFraming(raw: RawHeaders): void {
  const encodings = valuesOf(raw, 'transfer-encoding');
  const length = singleValue(raw, 'Content-Length');
  if (length !== undefined && !/^[0-9]+$/.test(length)) throw bad('Content-Length must be a number');
  if (encodings.length === 0) return;
  if (encodings[0]?.trim().toLowerCase() !== 'chunked') throw bad('the only Transfer-Encoding is chunked');
  if (length !== undefined) throw bad('Content-Length and Transfer-Encoding exclude each other');
}

function bad(message: string): WitnessError {
  return new WitnessError('KW_BAD_REQUEST', message);
}
