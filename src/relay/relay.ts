import type { Duplex } from 'node:stream';
import type { Violation, WireCodec } from '../wire/codec.ts';
import { Pump } from './pump.ts';

export interface RelayEvents {
  callerViolated(violation: Violation): void;
  upstreamViolated(violation: Violation): void;
  /** Upstream is gone and the client has been given all it sent. `cut`: by a reset, not by an orderly end. */
  upstreamEnded(end: { cut: boolean }): void;
  clientLeft(): void;
}

export interface RelayOptions {
  readonly client: Duplex;
  readonly upstream: Duplex;
  readonly codec: WireCodec;
  readonly events: RelayEvents;
  /** How long upstream may go on after the client has closed its half. Milliseconds. */
  readonly lingerMs?: number;
}

/** A client that half-closes has as a rule left; upstream gets this long to say its last. */
const LINGER_MS = 1_000;

/**
 * Joins the two sockets of a session. Tells each edge once, in the order in which it came; after `stop` it tells
 * nothing. It ends the client's socket after upstream's last byte, but destroys neither: their owner does.
 *
 *     client ──▶ fromClient  ──▶ upstream
 *     client ◀── fromUpstream ◀── upstream
 *                    └─▶ recording (inside push)
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #toUpstream: Pump;
  readonly #toClient: Pump;
  #linger: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { client, upstream, codec, events } = options;
    this.#toUpstream = new Pump(client, upstream, codec.fromClient, {
      violated: violation => this.#tell(() => events.callerViolated(violation)),
      ended: () => this.#onClientHalfClosed(),
    });
    this.#toClient = new Pump(upstream, client, codec.fromUpstream, {
      violated: violation => this.#tell(() => events.upstreamViolated(violation)),
      ended: () => this.#onUpstreamEnded(),
    });
  }

  /** Bytes forwarded to the client and to upstream. */
  get forwarded(): { readonly toClient: number; readonly toUpstream: number } {
    return { toClient: this.#toClient.forwarded, toUpstream: this.#toUpstream.forwarded };
  }

  start(early: { readonly client: readonly Buffer[]; readonly upstream: readonly Buffer[] }): void {
    const { client, upstream } = this.#options;
    client.on('close', this.#onClientClosed);
    upstream.on('close', this.#onUpstreamClosed);
    this.#toClient.start(early.upstream);
    if (!this.#stopped) this.#toUpstream.start(early.client);
    // Either may have closed before there was anybody to hear it.
    if (client.destroyed) this.#onClientClosed();
    else if (upstream.destroyed) this.#onUpstreamClosed();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#linger);
    this.#toClient.stop();
    this.#toUpstream.stop();
    this.#options.client.off('close', this.#onClientClosed);
    this.#options.client.off('finish', this.#onClientFinished);
    this.#options.upstream.off('close', this.#onUpstreamClosed);
  }

  /** Holds output back until `releaseOutput`: the recording is full. */
  holdOutput(): void {
    this.#toClient.hold('recording');
  }

  releaseOutput(): void {
    this.#toClient.release('recording');
  }

  /** Edges are told once: the first one stops the relay. */
  #tell(edge: () => void): void {
    if (this.#stopped) return;
    this.stop();
    edge();
  }

  #onClientHalfClosed(): void {
    this.#options.upstream.end();
    this.#linger = setTimeout(this.#onClientClosed, this.#options.lingerMs ?? LINGER_MS);
  }

  #onUpstreamEnded(): void {
    const { client, upstream } = this.#options;
    upstream.off('close', this.#onUpstreamClosed);
    client.once('finish', this.#onClientFinished);
    client.end();
  }

  readonly #onClientFinished = (): void =>
    this.#tell(() => this.#options.events.upstreamEnded({ cut: false }));

  readonly #onClientClosed = (): void => this.#tell(() => this.#options.events.clientLeft());

  readonly #onUpstreamClosed = (): void =>
    this.#tell(() => this.#options.events.upstreamEnded({ cut: true }));
}
