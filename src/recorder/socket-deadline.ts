import type { Socket } from 'node:net';

interface Tracked {
  /** Requests being served; pipelining can make it more than one. */
  requests: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * One rule for slow first bytes, slow headers and forgotten keep-alive connections: a socket with no request in hand
 * is destroyed after `limitMs`. A socket with one may live as long as the session that it carries.
 */
export class SocketDeadline {
  readonly #limitMs: number;
  readonly #tracked = new Map<Socket, Tracked>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  track(socket: Socket): void {
    const tracked: Tracked = { requests: 0, timer: undefined };
    this.#tracked.set(socket, tracked);
    this.#arm(socket, tracked);
    socket.once('close', () => {
      clearTimeout(tracked.timer);
      this.#tracked.delete(socket);
    });
  }

  begin(socket: Socket): void {
    const tracked = this.#tracked.get(socket);
    if (tracked === undefined) return;
    tracked.requests++;
    clearTimeout(tracked.timer);
  }

  done(socket: Socket): void {
    const tracked = this.#tracked.get(socket);
    if (tracked === undefined) return;
    tracked.requests--;
    if (tracked.requests === 0) this.#arm(socket, tracked);
  }

  destroyIdle(): void {
    for (const [socket, { requests }] of this.#tracked) if (requests === 0) socket.destroy();
  }

  #arm(socket: Socket, tracked: Tracked): void {
    tracked.timer = setTimeout(() => socket.destroy(), this.#limitMs);
  }
}
