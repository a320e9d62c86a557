import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditSink } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Signal } from '../metrics/updates.ts';
import { createForwarder } from '../proxy/forward.ts';
import type { Limits } from '../proxy/limits.ts';
import { deliverEvent } from '../recording/deliver-event.ts';
import { LiveCastRoom } from '../recording/live-cast.ts';
import type { ProxyServer, ProxyServerOptions } from '../server.ts';
import { startProxyServer } from '../server.ts';
import type { RegistryOptions } from '../session/registry.ts';
import { SessionRegistry } from '../session/registry.ts';
import { trustedAddresses } from '../tailscale/trusted-addresses.ts';
import type { Upstream } from '../upstream/target.ts';
import type { KeyPair } from './key-pair.ts';
import type { Policy } from './policy.ts';
import type { Serving } from './serve.ts';
import { REQUEST_GRACE_MS } from './shutdown.ts';

const DIAL_LIMIT_MS = 60_000;

/** What serving asks of the part that keeps count and watches: here, or in the primary of a worker. */
export interface ServeParts
  extends Pick<RegistryOptions, 'health' | 'failOpen' | 'mayStartSession' | 'keepEnded' | 'audited'> {
  /** As it was at the start: what of it a reload cannot change. */
  readonly config: Config;
  readonly live: () => Config;
  readonly policy: () => Policy;
  readonly upstream: Upstream;
  readonly audit: AuditSink;
  readonly limits: Limits;
  readonly admitSession?: ProxyServerOptions['admitSession'];
  /** What casts may keep for spectators, bytes. */
  readonly castRoom: () => number;
  readonly certificate: KeyPair;
  readonly tell: (signal: Signal) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly inspect?: RegistryOptions['inspect'];
}

/** Sessions, requests and the listener, in this process. */
export function serveHere(parts: ServeParts): Serving & { readonly sessions: SessionRegistry } {
  const { config, live, policy, upstream, audit, clock, log } = parts;
  const shared = {
    health: parts.health,
    mayStartSession: parts.mayStartSession,
    ...(parts.audited === undefined ? {} : { audited: parts.audited }),
    upstream,
    audit,
    clock,
    log,
  };
  const sessions = new SessionRegistry({
    ...shared,
    ...(parts.inspect === undefined ? {} : { inspect: parts.inspect }),
    failOpen: parts.failOpen,
    cluster: config.cluster,
    liveCastRoom: new LiveCastRoom(parts.castRoom),
    dialLimitMs: DIAL_LIMIT_MS,
    settings: () => policy().sessions,
    keepEnded: parts.keepEnded,
  });
  const forwarder = createForwarder(upstream, { log });
  let shown = parts.certificate;
  const tls = () => ({ ...shown, ...policy().clients });
  let server: ProxyServer | undefined;
  return {
    sessions,
    unacked: () => sessions.unacked(),
    listen: async () => {
      const { address, port, proxyProtocol } = config.listen;
      server = await startProxyServer({
        ...shared,
        address,
        port,
        tls: tls(),
        ...(proxyProtocol === undefined ? {} : { trustedRelays: trustedAddresses(proxyProtocol.trusted) }),
        policy,
        forwarder,
        limits: parts.limits,
        tell: parts.tell,
        ...(parts.admitSession === undefined ? {} : { admitSession: parts.admitSession }),
        deliverEvent: (recorders, document) => deliverEvent(recorders, document, undefined, policy().access),
        sessions,
      });
      return { address: server.address, port: server.port };
    },
    certificate: changed => {
      shown = changed;
      server?.setTls(tls());
    },
    reloaded: () => server?.setTls(tls()),
    close: async () => {
      const { sessions: own, shutdown } = live();
      // Ordinary requests are served all the while: until load balancers have noticed, and as long as sessions live.
      await Promise.all([sessions.drain(own.drainMs), sleep(shutdown.delayMs)]);
      const closed = server?.close(REQUEST_GRACE_MS);
      forwarder.endWatches();
      await closed;
      forwarder.close();
    },
  };
}
