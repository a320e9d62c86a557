import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { valuesOf } from '../headers.ts';

/**
 * The value of a header that may stand once only. Peers differ in which of two lines they take, so two are refused:
 * KW_BAD_REQUEST.
 */
export function singleValue(raw: RawHeaders, name: string): string | undefined {
  const values = valuesOf(raw, name);
  if (values.length > 1) {
    throw new WitnessError('KW_BAD_REQUEST', `the header ${name} may be sent once only`);
  }
  return values[0]?.trim();
}
