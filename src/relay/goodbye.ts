import type { Duplex } from 'node:stream';

/** How long a client may take to read our last words and close its half. */
const GOODBYE_MS = 1_000;

/**
 * Ends our half and reads what the client still sends until it has closed its own: closing with unread bytes resets the
 * connection, and a reset overtakes what was just written (RFC 9112 section 9.6). Resolves once the socket is closed.
 */
export async function sayGoodbye(socket: Duplex): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      socket.off('close', done);
      socket.off('end', onHalf);
      socket.off('finish', onHalf);
      socket.destroy();
      resolve();
    };
    const onHalf = (): void => {
      if (socket.readableEnded && socket.writableFinished) done();
    };
    const timer = setTimeout(done, GOODBYE_MS);
    // Stays on: after a reset, an error can follow the last of our own listeners.
    socket.on('error', onLateError);
    socket.on('close', done);
    socket.on('end', onHalf);
    socket.on('finish', onHalf);
    onHalf();
    if (!socket.writableEnded) socket.end();
    socket.resume();
  });
}

function onLateError(): void {}

/** Writes pieces one after the other, waiting where the socket is full. Stops where the socket is gone. */
export async function writeAll(socket: Duplex, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || socket.writableEnded) return;
    if (!socket.write(piece)) await drained(socket);
  }
}

/** Resolves when the socket takes bytes again, or is gone. */
export function drained(socket: Duplex): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) {
      resolve();
      return;
    }
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
