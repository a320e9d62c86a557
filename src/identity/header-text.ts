import { WitnessError } from '../errors.ts';

/** Node reads header bytes as latin1; Kubernetes' clients write UTF-8. Throws KW_BAD_REQUEST for bytes that are neither. */
export function decodeHeaderText(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw bad('a header with a name in it is not UTF-8');
  return text;
}

/** The key of an extra header: lower-cased, then percent-decoded, as the API server does. Throws KW_BAD_REQUEST. */
export function decodeExtraKey(text: string): string {
  try {
    return decodeURIComponent(text.toLowerCase());
  } catch (error) {
    throw bad('the name of an extra header is not percent-encoded', error);
  }
}

function bad(message: string, cause?: unknown): WitnessError {
  return new WitnessError('KW_BAD_REQUEST', message, { cause });
}
