import { once } from 'node:events';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import { createForwarder } from '../../../src/proxy/forward.ts';
import { handleRequest } from '../../../src/proxy/handle.ts';
import { createLimits } from '../../../src/proxy/limits.ts';
import { Tunnels } from '../../../src/proxy/tunnels.ts';
import { handleUpgrade } from '../../../src/proxy/upgrade.ts';
import { deliverEvent } from '../../../src/recording/deliver-event.ts';
import { RecorderHealth } from '../../../src/recording/recorder-health.ts';
import { plainUpstream } from '../upstream/plain-upstream.ts';
import type { RawConnection } from '../upstream/raw.ts';
import { rawClient, rawServer } from '../upstream/raw.ts';

export interface TunnelRig {
  readonly upstreams: readonly RawConnection[];
  readonly audit: readonly AuditEvent[];
  readonly logged: readonly object[];
  readonly tunnels: Tunnels;
  readonly sessions: { draining: boolean };
  client(): Promise<RawConnection>;
  /** Resolves when an event of that type has been audited, and gives it. */
  audited(type: AuditEvent['type']): Promise<AuditEvent>;
}

export const ENFORCING: CapabilityRule = {
  origin: 'grants[7]',
  impersonateGroups: [],
  recorderAddrs: ['127.0.0.1:1'],
  enforceRecorder: true,
};

/** Raw client, both roads of the proxy for a caller with these rules, raw upstream. There are no sessions, so no recorder. */
export async function tunnelling(
  rules: readonly CapabilityRule[],
  script: (connection: RawConnection, index: number) => Promise<void> | void,
): Promise<TunnelRig> {
  const server = await rawServer(script);
  const upstream = plainUpstream(server.port);
  const events: AuditEvent[] = [];
  const logged: object[] = [];
  const waiting: (() => void)[] = [];
  const audit = {
    write: (event: AuditEvent) => {
      events.push(event);
      for (const wake of waiting.splice(0)) wake();
    },
    close: () => {},
  };
  const log = { ...silentLogger, info: (fields: object) => logged.push(fields) };
  const sessions = {
    draining: false,
    liveCount: 0,
    liveCountOf: () => 0,
    start: () => {
      throw new Error('a session was started');
    },
  };
  const tunnels = new Tunnels({ upstream, audit, log });
  const forwarder = createForwarder(upstream, { log });
  const authenticate = async () => ({ user: 'ann', groups: [], source: 'static' as const, rules });
  const health = new RecorderHealth({ probe: () => Promise.reject(new Error('not probed here')) });
  const deps = {
    policy: () => ({ authenticate, grants: [] }),
    mayStartSession: () => true,
    limits: createLimits({ sessions: 10, sessionsPerCaller: 10, requests: 100, longRunning: 100 }),
    forwarder,
    upstream,
    audit,
    log,
    clock: systemClock,
    health,
    deliverEvent,
    sessions,
    tunnels,
  };
  const front = createServer();
  front.on('request', (request, response) => void handleRequest(request, response, deps));
  front.on('upgrade', (request, socket, head) => void handleUpgrade(request, socket, head, deps));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const address = front.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  onTestFinished(async () => {
    tunnels.close();
    forwarder.close();
    front.closeAllConnections();
    front.close();
    await server.close();
  });
  return {
    upstreams: server.connections,
    audit: events,
    logged,
    tunnels,
    sessions,
    client: () => rawClient(address.port),
    audited: async type => {
      for (;;) {
        const found = events.find(event => event.type === type);
        if (found !== undefined) return found;
        await new Promise<void>(resolve => waiting.push(resolve));
      }
    },
  };
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** RFC 6455 section 1.3, for that key. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly websocket?: string;
  readonly spdy?: string;
  /** Whole header lines. */
  readonly lines?: readonly string[];
}

/** The bytes of a request for an upgrade. */
export function ask({ method = 'GET', path, websocket, spdy, lines = [] }: Ask): string {
  const upgrade =
    spdy === undefined
      ? [
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          `Sec-WebSocket-Key: ${KEY}`,
          ...(websocket === undefined || websocket === '' ? [] : [`Sec-WebSocket-Protocol: ${websocket}`]),
        ]
      : ['Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${spdy}`, 'Content-Length: 0'];
  return `${[`${method} ${path} HTTP/1.1`, 'Host: proxy', 'Connection: Upgrade', ...upgrade, ...lines].join('\r\n')}\r\n\r\n`;
}

/** The bytes of the 101 that answers it. */
export function switched(
  { websocket, spdy }: Pick<Ask, 'websocket' | 'spdy'>,
  lines: readonly string[] = [],
): string {
  const upgrade =
    spdy === undefined
      ? [
          'Upgrade: websocket',
          `Sec-WebSocket-Accept: ${ACCEPT}`,
          ...(websocket === undefined || websocket === '' ? [] : [`Sec-WebSocket-Protocol: ${websocket}`]),
        ]
      : ['Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${spdy}`];
  return `${['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', ...upgrade, ...lines].join('\r\n')}\r\n\r\n`;
}
