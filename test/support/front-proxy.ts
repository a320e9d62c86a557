import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { RequestOptions } from 'node:https';
import { createServer, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';

export interface FrontProxyOptions {
  /** Its certificate towards clients. */
  readonly server: { readonly cert: string; readonly key: string };
  /** Where it leads, and what it shows there. */
  readonly target: Pick<RequestOptions, 'port' | 'ca' | 'cert' | 'key'>;
  /** Header lines that it adds, names and values in turn; those of the same names from clients are taken out. */
  readonly adds: (request: IncomingMessage) => readonly string[];
}

/** A proxy in front of ours that speaks for its clients, upgrades and all. */
export async function startFrontProxy({ server: own, target, adds }: FrontProxyOptions) {
  const ask = (request: IncomingMessage): ClientRequest => {
    const added = adds(request);
    const names = added.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase());
    const kept = request.rawHeaders.filter(
      (_, at) => !names.includes((request.rawHeaders[at - (at % 2)] ?? '').toLowerCase()),
    );
    return requestHttps({
      ...target,
      host: '127.0.0.1',
      servername: 'localhost',
      method: request.method,
      path: request.url,
      headers: [...kept, ...added],
      agent: false,
    });
  };
  const sockets = new Set<Duplex>();
  const server = createServer(own);
  server.on('secureConnection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const asked = ask(request);
    asked.on('error', () => response.destroy());
    asked.on('response', answer => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    request.pipe(asked);
  });
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const asked = ask(request);
    const answerHead = ({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string => {
      const lines = rawHeaders.flatMap((name, at) =>
        at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : [],
      );
      return [`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines, '\r\n'].join('\r\n');
    };
    asked.on('error', () => client.destroy());
    asked.on('response', answer => {
      client.write(answerHead(answer));
      answer.pipe(client);
    });
    asked.on('upgrade', (answer: IncomingMessage, upstream: Duplex, first: Buffer) => {
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
      client.write(answerHead(answer));
      client.write(first);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    asked.end();
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
