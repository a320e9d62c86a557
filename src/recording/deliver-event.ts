import type { RecorderAccess } from './recorder-access.ts';
import type { EventLimits } from './send-event.ts';
import { sendEvent } from './send-event.ts';
import type { RecorderError } from './upload.ts';

/** What became of an event at all recorders. */
export type Delivery =
  | { readonly kind: 'stored'; readonly recorder: string }
  /** None that was reached takes events: with rules that do not enforce, the request goes on. */
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'failed'; readonly errors: readonly RecorderError[] };

/**
 * Tries the recorders in order; the first to store the event ends it. Recorders that know no events count as failures
 * beside one that failed, and as `unsupported` only when all of them are such.
 */
export async function deliverEvent(
  recorders: readonly string[],
  document: Buffer,
  limits?: EventLimits,
  access?: RecorderAccess,
  send: typeof sendEvent = sendEvent,
): Promise<Delivery> {
  const errors: RecorderError[] = [];
  for (const recorder of recorders) {
    const result = await send(recorder, document, limits, access);
    if (result.kind === 'stored') return { kind: 'stored', recorder };
    if (result.kind === 'failed') errors.push(result.error);
  }
  return errors.length === 0 ? { kind: 'unsupported' } : { kind: 'failed', errors };
}
