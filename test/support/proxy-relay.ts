import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** Of PROXY headers of version 2. */
const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** Whom it relays for, by the words of the header: an IPv4 address and a port. */
export interface RelayedFor {
  address: string;
  port: number;
}

/**
 * Passes TCP connections on with a PROXY header of version 2 in front, as tailscaled does for a Service: from the client's
 * address in the tailnet to the node's own, TLS untouched. The first side to end ends both.
 */
export async function startProxyRelay(targetPort: number, source: RelayedFor) {
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    target.write(header(source));
    client.pipe(target).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function header({ address, port }: RelayedFor): Buffer {
  const ends = Buffer.from([...address.split('.').map(Number), 100, 64, 0, 1]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(80, 2);
  // PROXY, TCP over IPv4, twelve bytes.
  return Buffer.concat([Buffer.from(`${SIGNATURE}2111000c`, 'hex'), ends, ports]);
}
