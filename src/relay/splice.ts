import type { Duplex } from 'node:stream';

/** `…Ended`: that side closed in order, and first. `…Cut`: it went away in mid-stream. */
export type SpliceCause = 'clientEnded' | 'upstreamEnded' | 'clientCut' | 'upstreamCut' | 'stopped';

export interface SpliceReport {
  readonly bytesToClient: number;
  readonly bytesToUpstream: number;
  readonly cause: SpliceCause;
}

export interface SpliceOptions {
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** Told once. Both sockets are ended or destroyed by then. */
  readonly ended: (report: SpliceReport) => void;
  /** Once one side has closed its half, the other may be silent for this long. Milliseconds. */
  readonly lingerMs?: number;
}

const LINGER_MS = 30_000;

/**
 * Two sockets joined both ways, nothing read. A side that closes its half closes that half of the other; a side that
 * breaks off breaks the other off, so that neither outlives its peer.
 */
export class Splice {
  readonly #options: SpliceOptions;
  readonly #toUpstream: Direction;
  readonly #toClient: Direction;
  #first: 'clientEnded' | 'upstreamEnded' | undefined;
  #linger: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: SpliceOptions) {
    const { client, upstream } = options;
    this.#options = options;
    // Stay on: 'close' tells of the end, and a late error must not end the process.
    client.on('error', onSocketError);
    upstream.on('error', onSocketError);
    this.#toUpstream = new Direction(client, upstream, this.#onMoved, () => this.#onEdge('clientEnded'));
    this.#toClient = new Direction(upstream, client, this.#onMoved, () => this.#onEdge('upstreamEnded'));
  }

  /** `early`: what was read of either side before there was a splice. */
  start(early: { readonly client: readonly Buffer[]; readonly upstream: readonly Buffer[] }): void {
    const { client, upstream } = this.#options;
    client.once('close', this.#onClientClosed);
    upstream.once('close', this.#onUpstreamClosed);
    this.#toClient.start(early.upstream);
    this.#toUpstream.start(early.client);
    // Either may have closed before there was anybody to hear it.
    if (client.destroyed) this.#onClientClosed();
    else if (upstream.destroyed) this.#onUpstreamClosed();
  }

  /** Breaks both sides off. Idempotent. */
  stop(): void {
    this.#finish('stopped');
  }

  readonly #onMoved = (): void => {
    this.#linger?.refresh();
  };

  /** A side has closed its half, or the other one has taken all that came before. */
  #onEdge(side: 'clientEnded' | 'upstreamEnded'): void {
    this.#first ??= side;
    const first = this.#first;
    this.#linger ??= setTimeout(() => this.#finish(first), this.#options.lingerMs ?? LINGER_MS);
    const clientIsGone = this.#options.client.destroyed;
    if (this.#toUpstream.state === 'over' && (clientIsGone || this.#toClient.state === 'over')) {
      this.#finish(first);
    }
  }

  readonly #onClientClosed = (): void => {
    if (this.#toUpstream.state === 'flowing') this.#finish('clientCut');
    else this.#onEdge('clientEnded');
  };

  /**
   * Gone in order, upstream leaves the client to close in its own time: destroying a socket that has unread bytes resets
   * it, and a reset overtakes what was sent last.
   */
  readonly #onUpstreamClosed = (): void => {
    if (this.#toClient.state === 'flowing') this.#finish('upstreamCut');
  };

  #finish(cause: SpliceCause): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#linger);
    const { client, upstream, ended } = this.#options;
    client.off('close', this.#onClientClosed);
    upstream.off('close', this.#onUpstreamClosed);
    this.#toClient.stop();
    this.#toUpstream.stop();
    client.destroy();
    upstream.destroy();
    ended({ bytesToClient: this.#toClient.bytes, bytesToUpstream: this.#toUpstream.bytes, cause });
  }
}

/** One way of a splice, at the pace of the slower side: nothing is kept but what the far socket holds itself. */
class Direction {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #moved: () => void;
  readonly #edge: () => void;
  /** `ending`: `from` has closed its half, and `to` has not taken everything yet. */
  state: 'flowing' | 'ending' | 'over' = 'flowing';
  bytes = 0;

  /** `edge`: the state has changed, and it was not by `stop`. */
  constructor(from: Duplex, to: Duplex, moved: () => void, edge: () => void) {
    this.#from = from;
    this.#to = to;
    this.#moved = moved;
    this.#edge = edge;
  }

  start(early: readonly Buffer[]): void {
    this.#from.on('data', this.#onData);
    this.#from.on('end', this.#onEnd);
    this.#to.on('drain', this.#onDrain);
    this.#from.resume();
    // Pauses again by itself where the far side is slow.
    for (const chunk of early) this.#onData(chunk);
    if (this.#from.readableEnded) this.#onEnd();
  }

  stop(): void {
    this.state = 'over';
    this.#from.off('data', this.#onData);
    this.#from.off('end', this.#onEnd);
    this.#to.off('drain', this.#onDrain);
    this.#to.off('finish', this.#onFinish);
    this.#to.off('close', this.#onFinish);
  }

  readonly #onData = (chunk: Buffer): void => {
    // A socket that does not stay half-open ends itself when its peer does; what comes for it then is for nobody.
    if (this.#to.writableEnded || this.#to.destroyed) return;
    this.bytes += chunk.length;
    this.#moved();
    if (!this.#to.write(chunk)) this.#from.pause();
  };

  readonly #onDrain = (): void => {
    this.#moved();
    this.#from.resume();
  };

  readonly #onEnd = (): void => {
    if (this.state !== 'flowing') return;
    this.state = 'ending';
    this.#to.on('finish', this.#onFinish);
    this.#to.on('close', this.#onFinish);
    this.#to.end();
    this.#edge();
    if (this.#to.writableFinished || this.#to.destroyed) this.#onFinish();
  };

  readonly #onFinish = (): void => {
    if (this.state !== 'ending') return;
    this.stop();
    this.#edge();
  };
}

function onSocketError(): void {}
