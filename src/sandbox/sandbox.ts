import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Api, serveRequest } from './api.ts';
import { BUILTIN_PODS, NAMESPACES } from './builtin-pods.ts';
import { createCertificates } from './certificate.ts';
import { ApiFailure, badRequest } from './failure.ts';
import { type Account, headerValues, type Identity, identify } from './identity.ts';
import { Kubelet } from './kubelet.ts';
import { listenOn } from './listen.ts';
import { Objects } from './objects.ts';
import { timestamp } from './pod-object.ts';
import { loadPty } from './pty.ts';
import { parseTarget, type Target } from './request-target.ts';
import { RESOURCES } from './resources.ts';
import { sendFailure } from './response.ts';
import { Store } from './store.ts';
import { refuseUpgrade, Upgrades } from './upgrade.ts';

export interface SandboxOptions {
  /** Folder of the pods' files: `<dir>/pods/<namespace>/<pod>/<container>`. */
  readonly dir: string;
  /** Address to listen on; 127.0.0.1 if not given. */
  readonly host?: string;
  /** 0, the default: any free one. */
  readonly port?: number;
  /** The bearer token of the proxy; a random one if not given. */
  readonly token?: string;
  /** Others with a token of their own. */
  readonly accounts?: readonly Account[];
  /** Hears of every request, also of those that are refused. */
  readonly onRequest?: (request: SandboxRequest) => void;
  readonly clock?: Clock;
}

export interface SandboxRequest {
  readonly method: string;
  /** The request target as it came. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Whom the API server believes to be calling; undefined without the token. */
  readonly user: string | undefined;
  readonly groups: readonly string[];
}

export interface Sandbox {
  /** `https://host:port` */
  readonly url: string;
  readonly token: string;
  /** The authority that signed the server's certificate. */
  readonly caPem: string;
  /**
   * Closes every connection and ends every process that was started.
   *
   * @throws AggregateError of what went wrong in the background meanwhile
   */
  close(): Promise<void>;
}

const MAX_HEADER_BYTES = 1_024 * 1_024;
/** Longer than the 90 s that Go clients keep an idle connection, so that they never meet one that is just closing. */
const KEEP_ALIVE_MS = 120_000;

/**
 * Starts a small cluster: an API server look-alike over HTTPS (HTTP/1.1 only) whose pods are local processes.
 *
 * @throws WitnessError KW_INTERNAL when an optional package is missing
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  const token = options.token ?? randomUUID();
  const accounts = options.accounts ?? [];
  const clock = options.clock ?? systemClock;
  const pty = await loadPty();
  const { caPem, certPem, keyPem } = await createCertificates(
    ['localhost'],
    [...new Set([host, '127.0.0.1'])],
  );
  const faults: unknown[] = [];
  const onFault = (fault: unknown): void => {
    faults.push(fault);
  };
  const store = new Store();
  const kubelet = new Kubelet(store, { dir: join(options.dir, 'pods'), pty, clock }, onFault);
  const objects = new Objects(store, kubelet, clock);
  const upgrades = new Upgrades(kubelet);
  const sockets = new Set<Duplex>();
  const server = createServer({
    key: keyPem,
    cert: certPem,
    ALPNProtocols: ['http/1.1'],
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.on('secureConnection', socket => {
    // A client that resets its connection is seen by whoever uses it, at the latest by its 'close'.
    socket.on('error', () => undefined);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listenOn(server, options.port ?? 0, host);
  const api: Api = { accounts, store, objects, kubelet, clock, address: `${host}:${String(port)}` };

  /** What every request goes through first. @throws ApiFailure */
  const admit = (request: IncomingMessage): { target: Target; identity: Identity } => {
    let identity: Identity | undefined;
    try {
      identity = identify(request.rawHeaders, token, accounts);
    } finally {
      options.onRequest?.({
        method: request.method ?? '',
        url: request.url ?? '',
        rawHeaders: request.rawHeaders,
        user: identity?.user,
        groups: identity?.groups ?? [],
      });
    }
    const target = parseTarget(request.url ?? '');
    if (target === undefined) throw badRequest('invalid request target');
    return { target, identity };
  };
  const failureOf = (error: unknown): ApiFailure => {
    if (error instanceof ApiFailure) return error;
    onFault(error);
    return new ApiFailure(500, 'InternalError', `Internal error occurred: ${messageOf(error)}`);
  };
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('Audit-Id', auditIdOf(request));
    try {
      const { target, identity } = admit(request);
      await serveRequest(api, target, identity, request, response);
    } catch (error) {
      const failure = failureOf(error);
      if (response.headersSent) response.destroy();
      else sendFailure(response, failure);
    }
  };
  const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    try {
      const { target } = admit(request);
      await upgrades.serve(target, request, socket, head);
    } catch (error) {
      const failure = failureOf(error);
      if (error instanceof ApiFailure) refuseUpgrade(socket, failure, auditIdOf(request));
      else socket.destroy();
    }
  };
  server.on('request', onRequest);
  server.on('upgrade', onUpgrade);
  populate(api);

  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    token,
    caPem,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await kubelet.close();
      if (faults.length > 0) throw new AggregateError(faults, 'the sandbox met faults');
    },
  };
}

function populate({ store, objects, clock }: Api): void {
  for (const name of NAMESPACES) {
    store.put('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        uid: randomUUID(),
        creationTimestamp: timestamp(clock.now()),
        labels: { 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }
  const pods = RESOURCES.find(resource => resource.name === 'pods');
  if (pods === undefined) throw new TypeError('the sandbox has no pods');
  for (const pod of BUILTIN_PODS) {
    objects.create(
      { resource: pods, namespace: 'default', name: undefined, subresource: undefined },
      pod,
      false,
    );
  }
}

/** The client's own, if it is fit for a header. */
function auditIdOf(request: IncomingMessage): string {
  const [given = ''] = headerValues(request.rawHeaders, 'audit-id');
  return /^[\x21-\x7e]{1,64}$/.test(given) ? given : randomUUID();
}
