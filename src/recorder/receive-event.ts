import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { BodyReader } from './body-reader.ts';
import { isObject } from './cast-header.ts';
import type { RecorderServerLimits } from './limits.ts';

export type ReceivedEvent =
  | { readonly kind: 'event'; readonly line: string }
  | { readonly kind: 'refused'; readonly status: 400 | 408 | 413; readonly message: string };

type EventLimits = Pick<RecorderServerLimits, 'maxEventBytes' | 'eventBodyMs'>;

/**
 * Reads one JSON document, bounded in size and time. It is kept as it was written, except for its line breaks: JSON has
 * them between tokens only (RFC 8259 section 7), while parsing and writing it anew would round large user ids.
 */
export async function receiveEvent(stream: Readable, limits: EventLimits): Promise<ReceivedEvent> {
  const body = new BodyReader(stream, () => 'the connection was lost');
  const timer = setTimeout(() => body.stop('too slow'), limits.eventBodyMs);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for (;;) {
      const step = await body.next();
      if (step.kind === 'end') return eventOf(Buffer.concat(chunks));
      if (step.kind === 'stopped') return refused(408, 'the event did not come in time');
      if (step.kind === 'lost') return refused(400, 'the event was cut');
      length += step.bytes.length;
      if (length > limits.maxEventBytes) return refused(413, `larger than ${limits.maxEventBytes} bytes`);
      chunks.push(step.bytes);
    }
  } finally {
    clearTimeout(timer);
    body.release();
  }
}

function eventOf(bytes: Buffer): ReceivedEvent {
  if (!isUtf8(bytes)) return refused(400, 'the event is not UTF-8');
  const text = bytes.toString('utf8');
  try {
    if (!isObject(JSON.parse(text))) return refused(400, 'the event is not a JSON object');
  } catch {
    return refused(400, 'the event is not JSON');
  }
  return { kind: 'event', line: text.replace(/[\r\n]+/g, ' ').trim() };
}

function refused(status: 400 | 408 | 413, message: string): ReceivedEvent {
  return { kind: 'refused', status, message };
}
