import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './try-cluster.ts';

/** One exec over WebSocket v5, spoken by hand: small enough to have fifty of them. */
export class ExecClient {
  readonly #socket: WebSocket;
  stdout = '';
  status = '';

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      if (data[0] === 1) this.stdout += data.toString('utf8', 1);
      if (data[0] === 3) this.status += data.toString('utf8', 1);
    });
  }

  static async open(
    proxy: { readonly url: string; readonly caPem: string },
    token: string,
    command: readonly string[],
  ): Promise<ExecClient> {
    const query = [
      ...command.map(word => `command=${encodeURIComponent(word)}`),
      'stdin=true',
      'stdout=true',
      'stderr=true',
    ];
    const url = `${proxy.url.replace('https:', 'wss:')}/api/v1/namespaces/default/pods/shell/exec?${query.join('&')}`;
    const socket = new WebSocket(url, 'v5.channel.k8s.io', {
      ca: proxy.caPem,
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    const client = new ExecClient(socket);
    await once(socket, 'open');
    return client;
  }

  type(text: string): void {
    this.#socket.send(Buffer.concat([Buffer.of(0), Buffer.from(text)]));
  }

  seen(text: string): Promise<void> {
    return until(() => this.stdout.includes(text) || this.status !== '');
  }

  /** Leaves without a word. */
  close(): void {
    this.#socket.terminate();
  }

  /** Closes stdin and waits for the end. */
  async finish(): Promise<void> {
    this.#socket.send(Buffer.of(255, 0));
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close');
  }
}
