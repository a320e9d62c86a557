import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import { addressPort, unmapped } from '../tailscale/address.ts';
import type { Backend } from '../tailscale/backend-watch.ts';
import type { LocalApi } from '../tailscale/local-api.ts';
import type { LocalApiFailure } from '../tailscale/local-api-error.ts';
import { LocalApiError } from '../tailscale/local-api-error.ts';
import type { CallerSource, Verdict } from './authenticate.ts';
import type { Grant } from './grants.ts';
import { callerOfPeer } from './peer-caller.ts';
import { ShortCache } from './short-cache.ts';

/** For how long an answer of tailscaled holds, and with it a grant that has been withdrawn since. */
const KEEP_MS = 5_000;
/** Connections that are remembered. */
const MAX_CONNECTIONS = 1_000;

export interface TailscaleSourceOptions {
  readonly localApi: Pick<LocalApi, 'whoIs'>;
  /** What tailscaled says of itself, where somebody listens. */
  readonly watch?: { readonly backend: Pick<Backend, 'state'>; readonly changes: number };
  /** Of our own configuration: they hold beside the capability, by user name or by tag. */
  readonly grants: readonly Grant[];
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: { warn(fields: object, message: string): void };
}

/** Knows callers by the peer of the tailnet at the other end of the connection. */
export function tailscaleSource({
  localApi,
  watch,
  grants,
  clock,
  log,
}: TailscaleSourceOptions): CallerSource {
  const cache = new ShortCache<Caller>(MAX_CONNECTIONS, clock);

  return {
    name: 'tailscale',
    reads: 'connection',
    find: async ({ remoteAddress, remotePort }) => {
      if (remoteAddress === undefined || remotePort === undefined) return notMine('the connection has ended');
      refuseWhereNobodyIsKnown(watch?.backend.state);
      const end = { address: unmapped(remoteAddress), port: remotePort };
      const ask = async () => ({
        value: callerOfPeer(await localApi.whoIs(end), grants),
        keepMs: isLoopback(end.address) ? 0 : KEEP_MS,
      });
      try {
        return { kind: 'known', caller: await cache.get(`${watch?.changes ?? 0} ${addressPort(end)}`, ask) };
      } catch (error) {
        if (!(error instanceof LocalApiError)) throw error;
        if (error.kind === 'peerUnknown')
          return notMine('your address is not that of a device in the tailnet');
        log.warn({ kind: error.kind, error: error.message }, 'who-is failed');
        const message = `tailscaled does not say who you are: ${WORDS[error.kind]}`;
        throw new WitnessError('KW_IDENTITY_UNAVAILABLE', message, { cause: error });
      }
    },
  };
}

/** States in which the node is in no tailnet, with the words for the caller. In any other, peers are asked about. */
const NO_TAILNET: Readonly<Record<string, string>> = {
  NeedsLogin: 'it is logged out',
  NeedsMachineAuth: 'it waits to be approved in the tailnet',
  Stopped: 'it is stopped',
  InUseOtherUser: 'somebody else on that machine uses it',
};

function refuseWhereNobodyIsKnown(state: string | undefined): void {
  const why = state === undefined ? undefined : NO_TAILNET[state];
  if (why === undefined) return;
  throw new WitnessError('KW_IDENTITY_UNAVAILABLE', `tailscaled does not say who you are: ${why}`);
}

/** For the caller, who need not know paths or tailscaled's own words. */
const WORDS: Readonly<Record<Exclude<LocalApiFailure, 'peerUnknown'>, string>> = {
  socketMissing: 'it does not run beside the proxy',
  notLoggedIn: 'it is not connected to a tailnet',
  denied: 'it does not let the proxy ask',
  unavailable: 'it does not answer',
  badAnswer: 'its answer cannot be read',
};

function notMine(message: string): Verdict {
  return { kind: 'notMine', shown: true, refusal: new WitnessError('KW_FORBIDDEN', message) };
}

/**
 * In userspace mode tailscaled relays connections itself, and the port alone tells peers apart: the next peer can have it
 * at once.
 */
function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
