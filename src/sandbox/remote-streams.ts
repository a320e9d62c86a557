import type { Readable, Writable } from 'node:stream';
import type { Ending } from './exit-status.ts';
import type { TerminalSizes } from './terminal-sizes.ts';

/** Largest payload of one message or DATA frame that the sandbox sends, as kubectl itself does. */
export const MAX_PAYLOAD_BYTES = 32 * 1_024;

/** The client's end of an exec or attach, whatever the protocol. Streams that were not asked for are undefined. */
export interface RemoteStreams {
  readonly stdin: Readable | undefined;
  /** Ended by the session when the output is complete; back-pressure is that of the socket. */
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly sizes: TerminalSizes;
  /** Aborted when the client has left, or broke the protocol. */
  readonly gone: AbortSignal;
  /** Tells the ending and closes the session in order; resolves when the connection is closed. */
  finish(ending: Ending): Promise<void>;
}

type Done = (error?: Error | null) => void;

/** Each piece goes when the one before it has gone; `done` hears of the last one, or of the first error. */
export function sendInPieces(bytes: Buffer, send: (piece: Buffer, sent: Done) => void, done: Done): void {
  const pieces = [...inPieces(bytes)];
  const next: Done = error => {
    const piece = pieces.shift();
    if (error || piece === undefined) done(error ?? null);
    else send(piece, next);
  };
  next();
}

export function* inPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
    yield bytes.subarray(at, at + MAX_PAYLOAD_BYTES);
  }
}
