import type { IncomingMessage } from 'node:http';
import { WitnessError } from '../errors.ts';

/** What is written here is a few words. */
const MAX_BODY_BYTES = 4 * 1024;

/** The body of a request as JSON; undefined where there is none. Rejects with KW_TOO_LARGE or KW_BAD_REQUEST. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    // The rest is read and dropped: leaving the loop would cut the connection, and the answer with it.
    if (length <= MAX_BODY_BYTES) chunks.push(bytes);
  }
  if (length > MAX_BODY_BYTES) {
    throw new WitnessError('KW_TOO_LARGE', `the body is over ${MAX_BODY_BYTES} bytes`);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new WitnessError('KW_BAD_REQUEST', 'the body is not JSON', { cause: error });
  }
}
