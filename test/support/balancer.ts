import { connect, createServer, type Socket } from 'node:net';

export interface Replica {
  readonly url: string;
  readonly admin: string;
}

interface Backend {
  readonly replica: Replica;
  ready: boolean;
  connections: number;
}

/** How often it asks for readiness: load balancers take seconds, so a replica's delay in the test is some of these. */
const PROBE_MS = 100;

/**
 * A load balancer of the simple kind: TCP only, each new connection to the ready replica with the fewest. It learns by probes, and
 * thus late, that a replica is going; connections that stand are left alone.
 */
export class Balancer {
  readonly #server = createServer({ allowHalfOpen: true }, client => this.#join(client));
  readonly #backends: Backend[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;

  #preferred: Replica | undefined;

  private constructor() {
    this.#timer = setInterval(() => {
      for (const backend of this.#backends) void this.#probe(backend);
    }, PROBE_MS);
  }

  static async start(replicas: readonly Replica[]): Promise<Balancer> {
    const balancer = new Balancer();
    for (const replica of replicas) await balancer.add(replica);
    await new Promise<void>(resolve => balancer.#server.listen(0, '127.0.0.1', resolve));
    return balancer;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  async add(replica: Replica): Promise<void> {
    const backend = { replica, ready: false, connections: 0 };
    await this.#probe(backend);
    this.#backends.push(backend);
  }

  isReady(replica: Replica): boolean {
    return this.#backends.some(backend => backend.replica === replica && backend.ready);
  }

  /** New connections go there as long as it is ready. */
  prefer(replica: Replica | undefined): void {
    this.#preferred = replica;
  }

  #rank({ replica, connections }: Backend): number {
    return replica === this.#preferred ? -1 : connections;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #probe(backend: Backend): Promise<void> {
    const response = await fetch(`${backend.replica.admin}/readyz`).catch(() => undefined);
    backend.ready = response?.status === 200;
  }

  #join(client: Socket): void {
    const [chosen] = this.#backends
      .filter(backend => backend.ready)
      .toSorted((a, b) => this.#rank(a) - this.#rank(b));
    if (chosen === undefined) {
      client.destroy();
      return;
    }
    chosen.connections++;
    client.once('close', () => chosen.connections--);
    const { hostname, port } = new URL(chosen.replica.url);
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroySoon();
      });
      one.pipe(other);
    }
  }
}
