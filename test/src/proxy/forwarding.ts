import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import type { ForwardLimits, ForwardPlan } from '../../../src/proxy/forward.ts';
import { createForwarder } from '../../../src/proxy/forward.ts';
import type { Upstream } from '../../../src/upstream/target.ts';
import { plainUpstream } from '../upstream/plain-upstream.ts';
import type { RawConnection } from '../upstream/raw.ts';
import { rawClient, rawServer } from '../upstream/raw.ts';

export interface Rig {
  readonly upstreams: readonly RawConnection[];
  readonly warnings: object[];
  /** A new connection of a client. */
  client(): Promise<RawConnection>;
  closeForwarder(): void;
  endWatches(): void;
}

export interface RigOptions {
  readonly plan?: Partial<ForwardPlan>;
  readonly limits?: Partial<ForwardLimits>;
  readonly upstream?: Partial<Upstream>;
}

export const IDENTITY = ['Impersonate-User', 'jane'] as const;

/** Raw client, forwarder in a plain HTTP server, raw upstream that plays `script` on each connection. */
export async function forwarding(
  script: (connection: RawConnection, index: number) => Promise<void> | void,
  { plan, limits, upstream }: RigOptions = {},
): Promise<Rig> {
  const server = await rawServer(script);
  const warnings: object[] = [];
  const forwarder = createForwarder(plainUpstream(server.port, upstream), {
    log: { warn: fields => warnings.push(fields) },
    ...(limits === undefined ? {} : { limits }),
  });
  const planOf = (request: IncomingMessage): ForwardPlan => ({
    path: request.url ?? '',
    headers: IDENTITY,
    longRunning: request.url?.includes('watch=') ?? false,
    watch: request.url?.includes('watch=') ?? false,
    ...plan,
  });
  const front = createServer({ maxHeaderSize: 128 * 1024 });
  front.on('request', (request, response) => forwarder.forward(request, response, planOf(request)));
  front.on('checkContinue', (request, response) => {
    response.writeContinue();
    forwarder.forward(request, response, planOf(request));
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const address = front.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  onTestFinished(async () => {
    forwarder.close();
    front.closeAllConnections();
    front.close();
    await server.close();
  });
  return {
    upstreams: server.connections,
    warnings,
    client: () => rawClient(address.port),
    closeForwarder: forwarder.close,
    endWatches: forwarder.endWatches,
  };
}

/** The value of each line of that name. */
export function linesOf(head: readonly string[], name: string): string[] {
  const prefix = `${name.toLowerCase()}: `;
  return head.filter(line => line.toLowerCase().startsWith(prefix)).map(line => line.slice(prefix.length));
}

export async function statusBody(connection: RawConnection): Promise<{ head: string[]; status: unknown }> {
  const head = await connection.head();
  const length = Number(linesOf(head, 'content-length')[0]);
  return { head, status: JSON.parse(await connection.bytes(length)) };
}

/** To a HEAD. */
export const OK_BODILESS = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
export const OK = `${OK_BODILESS}ok`;
