import type { Duplex } from 'node:stream';

/** How long a client may take to close its half after we have closed ours. */
const GOODBYE_MS = 1_000;

/**
 * Ends our half and waits until the client has closed its own. What it still sends is read and dropped: closing a
 * socket with unread bytes resets the connection, and the reset can overtake the message we just wrote.
 */
export async function sayGoodbye(socket: Duplex): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, GOODBYE_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.once('close', done);
    socket.once('end', done);
    if (socket.readableEnded) done();
    if (!socket.writableEnded) socket.end();
    socket.resume();
  });
  socket.destroy();
}

/** Writes pieces one after the other, waiting where the socket is full. Stops where the socket is gone. */
export async function writeAll(socket: Duplex, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.write(piece)) continue;
    await new Promise<void>(resolve => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}
