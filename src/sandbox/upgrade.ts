import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import {
  type AskedStreams,
  SPDY_SUBPROTOCOLS,
  type SpdySubprotocol,
  type WebSocketSubprotocol,
} from '../kube/remotecommand.ts';
import { chooseSubprotocol } from './channel-message.ts';
import type { Container } from './container.ts';
import { type ApiFailure, badRequest, methodNotAllowed, noSuchPath } from './failure.ts';
import { headerValues } from './identity.ts';
import type { Kubelet } from './kubelet.ts';
import { PORT_FORWARD_PROTOCOL, PORT_FORWARD_TUNNEL, servePortForward } from './port-forward.ts';
import type { RemoteStreams } from './remote-streams.ts';
import type { Query, Target } from './request-target.ts';
import { type ResourcePath, resourcePath } from './resources.ts';
import { acceptSpdyStreams } from './spdy-streams.ts';
import { websocketStreams } from './websocket-streams.ts';

/** x/net/websocket's own limit. */
const MAX_MESSAGE_BYTES = 32 * 1_024 * 1_024;

/** What an exec or attach asks for, after everything that can be refused before the upgrade was looked at. */
interface Plan {
  readonly kind: 'exec' | 'attach';
  readonly container: Container;
  readonly command: readonly string[];
  readonly asked: AskedStreams;
}

/** Serves exec, attach and port-forward over either protocol. */
export class Upgrades {
  readonly #kubelet: Kubelet;
  readonly #websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    skipUTF8Validation: true,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  /** Apart, because ws takes no slash in a subprotocol: it is not shown the name, and answers with it all the same. */
  readonly #tunnels = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  constructor(kubelet: Kubelet) {
    this.#kubelet = kubelet;
    this.#tunnels.on('headers', headers => {
      headers.push(`Sec-WebSocket-Protocol: ${PORT_FORWARD_TUNNEL}`);
    });
    // A client that offers no subprotocol gets an empty header back, as from x/net/websocket.
    this.#websockets.on('headers', (headers, request) => {
      if (request.headers['sec-websocket-protocol'] === undefined) headers.push('Sec-WebSocket-Protocol: ');
    });
  }

  /** Resolves when the session is over. @throws ApiFailure as long as nothing was answered */
  async serve(target: Target, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const path = podPath(target);
    const upgrade = (headerValues(request.rawHeaders, 'upgrade')[0] ?? '').toLowerCase();
    if (path.subresource === 'portforward') {
      requireUpgradeMethod(request);
      this.#kubelet.container(path.namespace ?? '', path.name ?? '', undefined);
      if (upgrade === 'websocket') this.#tunnelPortForward(request, socket, head);
      else if (upgrade.includes('spdy/3.1')) acceptSpdyPortForward(request, socket, head);
      return;
    }
    const plan = this.#plan(path, target.query, request);
    const remote =
      upgrade === 'websocket'
        ? await this.#acceptWebSocket(plan, request, socket, head)
        : upgrade.includes('spdy/3.1')
          ? await acceptSpdy(plan, request, socket, head)
          : undefined;
    if (remote === undefined) return;
    if (plan.kind === 'attach') await this.#kubelet.attach(plan.container, remote);
    else await this.#kubelet.exec(plan.container, plan.command, plan.asked, remote);
  }

  #plan(
    { subresource, namespace = '', name = '' }: ResourcePath,
    query: Query,
    request: IncomingMessage,
  ): Plan {
    if (subresource !== 'exec' && subresource !== 'attach') throw noSuchPath();
    requireUpgradeMethod(request);
    return planOf(this.#kubelet, subresource, namespace, name, query);
  }

  /** The API server ends the WebSocket and talks SPDY inside it (KEP-4006). */
  #tunnelPortForward(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [line = ''] = headerValues(request.rawHeaders, 'sec-websocket-protocol');
    if (!line.split(',').some(name => name.trim() === PORT_FORWARD_TUNNEL)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    delete request.headers['sec-websocket-protocol'];
    this.#tunnels.handleUpgrade(request, socket, head, websocket => {
      servePortForward(createWebSocketStream(websocket), Buffer.alloc(0));
    });
  }

  #acceptWebSocket(
    { asked }: Plan,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<RemoteStreams | undefined> {
    const subprotocol = subprotocolOf(request);
    if (subprotocol === undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return Promise.resolve(undefined);
    }
    return new Promise(resolve => {
      const onClose = (): void => resolve(undefined);
      // A handshake that ws refuses by itself is only seen by its end.
      socket.once('close', onClose);
      this.#websockets.handleUpgrade(request, socket, head, websocket => {
        socket.removeListener('close', onClose);
        resolve(websocketStreams(websocket, subprotocol, asked));
      });
    });
  }
}

function podPath({ segments }: Target): ResourcePath {
  const [first, second, ...rest] = segments;
  const path = first === 'api' && second === 'v1' ? resourcePath(rest) : undefined;
  if (path === undefined) throw noSuchPath();
  if (path.resource.name !== 'pods' || path.subresource === undefined) {
    throw badRequest('unable to upgrade this request');
  }
  return path;
}

function requireUpgradeMethod({ method }: IncomingMessage): void {
  if (method !== 'GET' && method !== 'POST') throw methodNotAllowed();
}

function acceptSpdyPortForward(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const offered = headerValues(request.rawHeaders, 'x-stream-protocol-version')
    .flatMap(line => line.split(','))
    .map(name => name.trim());
  if (!offered.includes(PORT_FORWARD_PROTOCOL)) {
    throw badRequest('unable to upgrade: no port-forward protocol was offered');
  }
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${PORT_FORWARD_PROTOCOL}\r\n\r\n`,
  );
  servePortForward(socket, head);
}

function planOf(kubelet: Kubelet, kind: Plan['kind'], namespace: string, name: string, query: Query): Plan {
  if (query.first('dryRun') !== undefined) throw badRequest('the dryRun parameter is not supported');
  const container = kubelet.container(namespace, name, query.first('container'));
  if (container.state.phase === 'terminated') {
    const verb = kind === 'exec' ? 'exec into' : 'attach to';
    const phase = container.state.code === 0 ? 'Succeeded' : 'Failed';
    throw badRequest(`cannot ${verb} a container in a completed pod; current phase is ${phase}`);
  }
  const tty = query.flag('tty');
  const asked = {
    stdin: query.flag('stdin'),
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr') && !tty,
    tty,
  };
  if (!asked.stdin && !asked.stdout && !asked.stderr) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  const command = query.all('command');
  if (kind === 'exec' && command.length === 0) throw badRequest('you must specify at least 1 command');
  return { kind, container, command, asked };
}

/** Only the first line counts; ws is shown no more than what was chosen. Without any line the protocol is v1. */
function subprotocolOf(request: IncomingMessage): WebSocketSubprotocol | undefined {
  const [line] = headerValues(request.rawHeaders, 'sec-websocket-protocol');
  if (line === undefined) return 'channel.k8s.io';
  const chosen = chooseSubprotocol(line);
  if (chosen !== undefined) request.headers['sec-websocket-protocol'] = chosen;
  return chosen;
}

/** The first version in the client's order that the server knows; several may share a line. */
function spdySubprotocolOf(lines: readonly string[]): SpdySubprotocol | undefined {
  const offered = lines.flatMap(line => line.split(',')).map(name => name.trim());
  return offered
    .map(name => SPDY_SUBPROTOCOLS.find(known => known === name))
    .find(found => found !== undefined);
}

async function acceptSpdy(
  { asked }: Plan,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<RemoteStreams | undefined> {
  const lines = headerValues(request.rawHeaders, 'x-stream-protocol-version');
  if (lines.length === 0) throw badRequest('unable to upgrade: no stream protocol version was offered');
  const subprotocol = spdySubprotocolOf(lines);
  if (subprotocol === undefined) {
    const text = 'unable to upgrade: no protocol version in common';
    const accepted = SPDY_SUBPROTOCOLS.map(name => `X-Accepted-Stream-Protocol-Versions: ${name}\r\n`).join(
      '',
    );
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${String(text.length)}\r\n` +
        `${accepted}Connection: close\r\n\r\n${text}`,
    );
    return undefined;
  }
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${subprotocol}\r\n\r\n`,
  );
  return acceptSpdyStreams(socket, head, subprotocol, asked);
}

/** The answer to an upgrade that is refused; the connection ends with it. */
export function refuseUpgrade(socket: Duplex, failure: ApiFailure, auditId: string): void {
  const body = JSON.stringify(failure.toStatus());
  socket.end(
    `HTTP/1.1 ${String(failure.code)} ${failure.reason}\r\nContent-Type: application/json\r\n` +
      `Audit-Id: ${auditId}\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`,
  );
}
