import { createHash } from 'node:crypto';
import * as spdy from '../src/wire/spdy-encoder.ts';
import { fromClient, fromServer, message } from '../src/wire/websocket-encoder.ts';

export const TRANSPORTS = ['websocket', 'spdy'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const EXEC = '/api/v1/namespaces/d/pods/p/exec';
export const ATTACH = '/api/v1/namespaces/d/pods/p/attach';
/** Non-interactive. */
export const EXECQ = `${EXEC}?container=c&stdout=true&stderr=true&command=id`;
/** A shell at a terminal. */
export const TTYQ = `${EXEC}?container=c&stdin=true&stdout=true&tty=true&command=sh`;
/** A filter. */
export const CATQ = `${EXEC}?container=c&stdin=true&stdout=true&stderr=true&command=cat`;

export const SUCCESS = '{"metadata":{},"status":"Success"}';
const KEY = 'AAECAwQFBgcICQoLDA0ODw==';

export function exitStatus(code: number): string {
  const details = { causes: [{ reason: 'ExitCode', message: String(code) }] };
  return JSON.stringify({ metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', details });
}

export interface RequestOptions {
  readonly method?: string;
  readonly target?: string;
  readonly token?: string;
  /** In place of the usual Connection and Upgrade lines. */
  readonly upgrade?: readonly string[];
  /** In place of the usual protocol lines. */
  readonly protocols?: readonly string[];
  readonly more?: readonly string[];
}

const HANDSHAKE = {
  websocket: {
    method: 'GET',
    upgrade: [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${KEY}`,
    ],
    protocols: ['Sec-WebSocket-Protocol: v5.channel.k8s.io'],
  },
  spdy: {
    method: 'POST',
    upgrade: ['Connection: Upgrade', 'Upgrade: SPDY/3.1', 'Content-Length: 0'],
    protocols: ['X-Stream-Protocol-Version: v4.channel.k8s.io'],
  },
} as const;

/** What a client of that transport sends for an upgrade. */
export function upgradeRequest(transport: Transport, options: RequestOptions = {}): string {
  const usual = HANDSHAKE[transport];
  const { method = usual.method, target = EXECQ, token = 'closed' } = options;
  return [
    `${method} ${target} HTTP/1.1`,
    'Host: proxy.test',
    `Authorization: Bearer ${token}`,
    ...(options.upgrade ?? usual.upgrade),
    ...(options.protocols ?? usual.protocols),
    ...(options.more ?? []),
    '\r\n',
  ].join('\r\n');
}

/** A 101 that answers this request. `protocol`: undefined for none. */
export function switching(
  transport: Transport,
  protocol: string | undefined = transport === 'websocket' ? 'v5.channel.k8s.io' : 'v4.channel.k8s.io',
  more: readonly string[] = [],
): string {
  const accept = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines =
    transport === 'websocket'
      ? ['Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`]
      : ['Upgrade: SPDY/3.1'];
  const name = transport === 'websocket' ? 'Sec-WebSocket-Protocol' : 'X-Stream-Protocol-Version';
  const chosen = protocol === undefined ? [] : [`${name}: ${protocol}`];
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    ...lines,
    ...chosen,
    ...more,
    '\r\n',
  ].join('\r\n');
}

/** Both sides of one session's conversation, in bytes. */
export interface Speech {
  /** Sent by the client right after the 101. */
  readonly opening: Buffer;
  /** Upstream's answer to that. */
  readonly replies: Buffer;
  input(text: string | Buffer): Buffer;
  /** The client's stdin has ended. */
  endInput(): Buffer;
  resize(json: string): Buffer;
  output(text: string | Buffer): Buffer;
  errors(text: string | Buffer): Buffer;
  status(json: string): Buffer;
  /** After the status. */
  readonly farewell: Buffer;
  /** What no Kubernetes client would send. */
  readonly violation: Buffer;
  /** What no API server would send. */
  readonly upstreamViolation: Buffer;
}

export const WEBSOCKET_CLOSE = Buffer.from('880203e8', 'hex');

function websocketSpeech(): Speech {
  return {
    opening: Buffer.alloc(0),
    replies: fromServer([1]),
    input: text => fromClient(message(0, text)),
    endInput: () => fromClient([255, 0]),
    resize: json => fromClient(message(4, json)),
    output: text => fromServer(message(1, text)),
    errors: text => fromServer(message(2, text)),
    status: json => fromServer(message(3, json)),
    farewell: WEBSOCKET_CLOSE,
    violation: fromServer([0, 1]),
    upstreamViolation: fromClient([1, 65]),
  };
}

/** The streams that a target's query asks for, in the order in which client-go opens them. */
export function streamsOf(target: string): string[] {
  const asks = (name: string): boolean => new RegExp(`[?&]${name}=true`).test(target);
  const tty = asks('tty');
  return [
    'error',
    ...(asks('stdin') ? ['stdin'] : []),
    ...(asks('stdout') ? ['stdout'] : []),
    ...(asks('stderr') && !tty ? ['stderr'] : []),
    ...(tty ? ['resize'] : []),
  ];
}

function spdySpeech(target: string): Speech {
  const streams = streamsOf(target);
  const id = (name: string): number => 2 * streams.indexOf(name) + 1;
  const answering = new spdy.HeaderDeflater();
  const last = 2 * streams.length - 1;
  return {
    opening: spdy.opening(streams),
    replies: Buffer.concat(streams.map(name => spdy.synReply(id(name), answering.block([])))),
    input: text => spdy.data(id('stdin'), text),
    endInput: () => spdy.data(id('stdin'), '', 1),
    resize: json => spdy.data(id('resize'), json),
    output: text => spdy.data(id('stdout'), text),
    errors: text => spdy.data(id('stderr'), text),
    status: json => spdy.data(id('error'), json),
    farewell: Buffer.concat([...streams.map(name => spdy.rst(id(name))), spdy.goAway(last)]),
    violation: spdy.data(4711, 'x'),
    upstreamViolation: spdy.data(4711, 'x'),
  };
}

export function speech(transport: Transport, target: string): Speech {
  return transport === 'websocket' ? websocketSpeech() : spdySpeech(target);
}
