import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { readQuery } from './query.ts';
import type { RequestClass, RequestInfo } from './request-info.ts';
import type { AnyUpgrade } from './upgrade.ts';
import { readAnyUpgrade } from './upgrade.ts';

/** The three forms of port-forward: SPDY, SPDY inside a WebSocket (KEP-4006), and one channel pair for each port. */
const PORT_FORWARD_SPDY: readonly string[] = ['portforward.k8s.io'];
const PORT_FORWARD_WEBSOCKET: readonly string[] = [
  'SPDY/3.1+portforward.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
];
/** Plain streams inside a WebSocket: watches and logs (apiserver `wsstream`). */
const PLAIN_WEBSOCKET: readonly string[] = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** Classes whose far end is a program that speaks whatever it likes. */
const ANYTHING: ReadonlySet<RequestClass> = new Set<RequestClass>(['relay', 'node', 'foreign']);

/**
 * Reads an upgrade that is no session, with what it offers of what may pass on its road. Everything that is not a known
 * kind is refused with KW_BAD_REQUEST, whoever asks.
 */
export function readTunnelUpgrade(
  requestClass: RequestClass,
  info: RequestInfo,
  method: string,
  raw: RawHeaders,
): AnyUpgrade {
  const upgrade = readAnyUpgrade(method, raw);
  if (upgrade === undefined) throw bad('this upgrade is not clean: one Upgrade header of one value');
  if (ANYTHING.has(requestClass)) return upgrade;
  const { transport } = upgrade;
  if (requestClass === 'tunnel') {
    const names = transport === 'spdy' ? PORT_FORWARD_SPDY : PORT_FORWARD_WEBSOCKET;
    return onlyKnown(upgrade, names, transport === 'websocket');
  }
  if (requestClass === 'plain' && transport === 'websocket' && streamsOverWebSocket(info)) {
    return onlyKnown(upgrade, PLAIN_WEBSOCKET, true);
  }
  throw bad('nothing on this path can be upgraded; watches and the log of a pod can be, to WebSocket');
}

/** The ports of a port-forward by channels. Those of the SPDY forms are named inside the tunnel. */
export function tunnelPorts(query: string): readonly string[] | 'unknown' {
  const ports = readQuery(query).flatMap(([name, value]) => (name === 'ports' ? value.split(',') : []));
  return ports.length === 0 ? 'unknown' : ports;
}

function streamsOverWebSocket({ apiGroup, resource, subresource, verb }: RequestInfo): boolean {
  return verb === 'watch' || (apiGroup === '' && resource === 'pods' && subresource === 'log');
}

/** No name at all is the oldest form of each WebSocket protocol here; names that are all unknown are not. */
function onlyKnown(upgrade: AnyUpgrade, known: readonly string[], namelessToo: boolean): AnyUpgrade {
  if (upgrade.offered.length === 0 && namelessToo) return upgrade;
  const offered = upgrade.offered.filter(name => known.includes(name));
  if (offered.length === 0) throw bad(`the protocols that are supported here: ${known.join(', ')}`);
  return { ...upgrade, offered };
}

function bad(message: string): WitnessError {
  return new WitnessError('KW_BAD_REQUEST', message);
}
