import type { WitnessError } from '../errors.ts';
import { retryAfterOf } from '../errors.ts';

/** `metav1.Status` as the API server writes it; channel 3 carries the same without kind and apiVersion. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly details?: { readonly retryAfterSeconds: number };
  readonly code: number;
}

/** WebSocket clients built on gorilla read at most 1,024 bytes of a refusal, so the message is cut to fit. */
const MAX_MESSAGE_BYTES = 800;

export function statusOf(error: WitnessError): Status {
  const retryAfterSeconds = retryAfterOf(error);
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: cut(error.message),
    reason: error.reason,
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
    code: error.status,
  };
}

/** Cuts at a character border so that the JSON stays valid UTF-8. */
function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= MAX_MESSAGE_BYTES) return message;
  let end = MAX_MESSAGE_BYTES;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}
