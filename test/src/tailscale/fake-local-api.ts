import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An answer of the fake: status and body, or something that is no answer. */
export type FakeAnswer =
  | { readonly status: number; readonly body: string; readonly headers?: Record<string, string> }
  | 'silence'
  | 'reset'
  | 'half'
  | 'garbage';

export interface FakeLocalApi {
  readonly socketPath: string;
  /** Bodies of who-is by `ip:port`, or by `ip` alone. Anybody else is 404. */
  readonly peers: Map<string, unknown>;
  /** Overrides by endpoint: whois, status, cert. */
  readonly answers: Map<string, FakeAnswer>;
  /** Told to everybody who watches. */
  backendState: string;
  /** What it complains about while it runs. */
  readonly warnings: Record<string, object>;
  /** How many listen on the bus. */
  readonly watchers: number;
  /** Any message, or what is none, to everybody who watches. */
  tell(message: unknown): void;
  /** Ends every connection and listens no more; `start` makes it listen again, at the same place. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Request targets, in the order in which they came. */
  readonly asked: string[];
  close(): Promise<void>;
}

const HOST = 'local-tailscaled.sock';
const VERSION = '1.103.0-tfake';
const STATES = [
  ...['NoState', 'InUseOtherUser', 'NeedsLogin', 'NeedsMachineAuth', 'Stopped', 'Starting', 'Running'],
];

/** tailscaled's LocalAPI as far as it is used here: same refusals, same bodies, over a real Unix socket. */
export async function fakeLocalApi(): Promise<FakeLocalApi> {
  const folder = mkdtempSync(join(tmpdir(), 'kw-local-api-'));
  const socketPath = join(folder, 'tailscaled.sock');
  const watching = new Set<ServerResponse>();
  const tell = (message: unknown): void => {
    for (const response of watching) response.write(lineOf(message));
  };
  let backendState = 'Running';
  const state: FakeLocalApi = {
    socketPath,
    peers: new Map(),
    answers: new Map(),
    get backendState() {
      return backendState;
    },
    set backendState(now) {
      backendState = now;
      tell({ Version: VERSION, State: STATES.indexOf(now) });
    },
    warnings: {},
    get watchers() {
      return watching.size;
    },
    tell,
    asked: [],
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
    start: () => new Promise<void>(resolve => server.listen(socketPath, resolve)),
    close: async () => {
      if (server.listening) await state.stop();
      rmSync(folder, { recursive: true });
    },
  };
  const server = createServer((request, response) => {
    state.asked.push(request.url ?? '');
    const answer = answerTo(request, state);
    if (answer !== 'bus') give(response, answer);
    else {
      // As tailscaled does: at once what is so, then what changes.
      watching.add(response);
      response.on('close', () => watching.delete(response));
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write(lineOf(firstNotify(state)));
    }
  });
  await state.start();
  return state;
}

function answerTo({ url = '', method, headers }: IncomingMessage, state: FakeLocalApi): FakeAnswer | 'bus' {
  const { pathname, searchParams } = new URL(url, `http://${HOST}`);
  const endpoint = pathname.split('/')[3] ?? '';
  if (headers.host !== HOST || headers.origin !== undefined || headers.referer !== undefined) {
    return { status: 403, body: 'invalid localapi request' };
  }
  if (method !== 'GET' || headers['tailscale-cap'] !== '145') return { status: 400, body: 'bad request' };
  const override = state.answers.get(endpoint);
  if (override !== undefined) return override;
  if (endpoint === 'watch-ipn-bus') {
    return searchParams.get('mask') === '130' ? 'bus' : { status: 400, body: 'bad mask' };
  }
  if (endpoint === 'status') {
    return json({
      Version: VERSION,
      BackendState: state.backendState,
      TailscaleIPs: state.backendState === 'Running' ? ['100.64.0.1', 'fd7a:115c:a1e0::1'] : null,
      Self: { ID: 'nSelf', DNSName: 'kube.tail1234.ts.net.' },
      Health: state.backendState === 'Running' ? null : ['not logged in'],
      CurrentTailnet:
        state.backendState === 'Running' ? { Name: 'corp.com', MagicDNSSuffix: 'tail1234.ts.net' } : null,
      CertDomains: ['kube.tail1234.ts.net'],
      Peer: null,
      User: null,
    });
  }
  if (endpoint !== 'whois') return { status: 404, body: '404 page not found' };
  const addr = searchParams.get('addr');
  if (addr === null) return { status: 400, body: "missing 'addr' parameter" };
  const found = state.peers.get(addr) ?? state.peers.get(addr.replace(/:[0-9]+$/, ''));
  return found === undefined ? { status: 404, body: 'no match for IP:port' } : json(found);
}

function firstNotify({ backendState, warnings }: FakeLocalApi): object {
  return {
    Version: VERSION,
    SessionID: 'fake',
    ErrMessage: null,
    LoginFinished: null,
    State: STATES.indexOf(backendState),
    Prefs: null,
    NetMap: null,
    Health: { Warnings: warnings },
  };
}

function lineOf(message: unknown): string {
  return typeof message === 'string' ? message : `${JSON.stringify(message)}\n`;
}

function json(value: unknown): FakeAnswer {
  return { status: 200, body: `${JSON.stringify(value)}\n`, headers: { 'Content-Type': 'application/json' } };
}

function give(response: ServerResponse, answer: FakeAnswer): void {
  if (answer === 'silence') return;
  if (answer === 'reset') {
    response.socket?.destroy();
  } else if (answer === 'half') {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('{"Node":', () => response.socket?.destroy());
  } else if (answer === 'garbage') {
    response.socket?.end('SSH-2.0-x\r\n');
  } else {
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }
}
