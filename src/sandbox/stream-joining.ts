import type { Readable, Writable } from 'node:stream';

/**
 * Feeds a client's input to a process. Input is read to its end even if nobody wants it: one stream left unread would
 * hold up the whole connection.
 */
export function joinInput(from: Readable | undefined, to: Writable | undefined, passEnd: boolean): void {
  if (from === undefined) return;
  const discard = (): void => {
    from.unpipe();
    from.resume();
  };
  from.on('error', discard);
  if (to === undefined || to.destroyed) {
    discard();
    return;
  }
  to.once('close', discard);
  // A client that leaves closes its input without ending it; the process may live on and be attached to again.
  from.once('close', () => {
    from.unpipe(to);
    to.removeListener('close', discard);
  });
  from.pipe(to, { end: passEnd });
}

/** Copies a process's output to the client and resolves when the client's side has taken all of it. */
export async function joinOutput(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (to === undefined) return;
  const over = closed(to);
  if (from === undefined) to.end();
  else {
    from.once('error', () => to.end());
    from.pipe(to);
  }
  await over;
}

/** Resolves when nothing more can be written: all was, or the client broke off, which its `gone` tells. */
export function closed(output: Writable | undefined): Promise<void> {
  return new Promise(resolve => {
    if (output === undefined || output.closed) resolve();
    else output.once('close', () => resolve());
  });
}
