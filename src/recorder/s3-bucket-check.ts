import { messageOf } from '../errors.ts';
import type { RecorderLog } from './log.ts';
import { type S3Client, S3Error } from './s3-client.ts';

/**
 * Asks for the bucket before anything is accepted for it. Rejects with a sentence for what will not get better by
 * itself; a bucket that is away is logged, since the spool can take recordings meanwhile.
 */
export async function checkBucket(client: S3Client, log: RecorderLog): Promise<void> {
  const { bucket, endpoint, region } = client.place;
  try {
    await client.text({ method: 'HEAD' });
  } catch (error) {
    if (isAway(error)) {
      log.error({ err: error, bucket, endpoint }, 'the bucket does not answer: recordings wait in the spool');
      return;
    }
    const why = error instanceof S3Error ? reasonOf(error, region) : messageOf(error);
    throw new Error(`bucket ${bucket} at ${endpoint} cannot be used: ${why}`, { cause: error });
  }
}

function isAway(error: unknown): boolean {
  if (!(error instanceof S3Error)) return false;
  // A name that does not exist is a typing mistake; one that cannot be asked for now has another code.
  return error.status === 0 ? error.code !== 'ENOTFOUND' : error.status >= 500 || error.status === 429;
}

function reasonOf(error: S3Error, region: string): string {
  if (error.status === 404) return 'there is no such bucket';
  if (error.status === 403) return 'the credentials do not open it';
  if (error.status === 301 || error.status === 307 || error.status === 400)
    return `it is not in region ${region}, or the endpoint is not its own (answer ${error.status})`;
  return error.message;
}
