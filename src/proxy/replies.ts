import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { sayGoodbye } from '../relay/goodbye.ts';
import { LiveList } from './live-list.ts';

/**
 * The replies that are under way on each connection. Node hands an upgrade over as soon as it has read it, also while
 * the reply to an earlier request on that connection is still being written: whoever answered it would write into the
 * middle of that reply.
 */
export class Replies {
  readonly #bySocket = new WeakMap<Duplex, LiveList<ServerResponse>>();

  track(response: ServerResponse): void {
    const { socket } = response.req;
    let replies = this.#bySocket.get(socket);
    if (replies === undefined) {
      replies = new LiveList();
      this.#bySocket.set(socket, replies);
    }
    response.once('close', replies.add(response));
  }

  /**
   * Whether an upgrade came behind a reply that is under way. It is left unanswered then, and the connection ends behind
   * that reply; the client, which could not know whether it would be served, asks again (RFC 9112 section 9.3.2).
   */
  endBehind(socket: Duplex): boolean {
    const replies = this.#bySocket.get(socket);
    if (replies === undefined || replies.size === 0) return false;
    socket.on('error', onSocketError);
    // Node took its own listeners off.
    const onDrain = (): void => {
      for (const reply of replies) reply.emit('drain');
    };
    socket.on('drain', onDrain);
    for (const reply of replies) {
      reply.once('close', () => {
        if (replies.size > 0) return;
        socket.off('drain', onDrain);
        void sayGoodbye(socket);
      });
    }
    return true;
  }
}

/** 'close' follows, and ends the replies. */
function onSocketError(): void {}
