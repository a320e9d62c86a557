import type { IncomingMessage } from 'node:http';

/** What was read of a request's body. */
export interface CapturedBody {
  readonly bytes: Buffer;
  /** False: there is more, which the request still holds, and `bytes` are back in front of it. */
  readonly whole: boolean;
}

/**
 * Reads a request's body up to a bound. A body that is longer is left to the request as if it had not been touched.
 * Rejects when the client leaves in the middle.
 */
export function captureBody(request: IncomingMessage, maxBytes: number): Promise<CapturedBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (): void => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('error', onError);
      request.off('close', onClose);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBytes) return;
      stop();
      request.pause();
      const bytes = Buffer.concat(chunks);
      request.unshift(bytes);
      resolve({ bytes: bytes.subarray(0, maxBytes), whole: false });
    };
    const onEnd = (): void => {
      stop();
      resolve({ bytes: Buffer.concat(chunks), whole: true });
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => {
      stop();
      reject(new Error('the client left before its request was whole'));
    };
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('error', onError);
    request.on('close', onClose);
  });
}
