import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { connectionTokens, listOf, valuesOf } from '../headers.ts';
import type { SessionProtocol, SpdySubprotocol, WebSocketSubprotocol } from './remotecommand.ts';
import {
  isSpdySubprotocol,
  isWebSocketSubprotocol,
  SPDY_SUBPROTOCOLS,
  WEBSOCKET_SUBPROTOCOLS,
} from './remotecommand.ts';
import { singleValue } from './single-value.ts';

interface WebSocketUpgrade<Name extends string> {
  readonly transport: 'websocket';
  /** Sec-WebSocket-Key: 16 bytes as base64. */
  readonly key: string;
  readonly offered: readonly Name[];
}

interface SpdyUpgrade<Name extends string> {
  readonly transport: 'spdy';
  readonly offered: readonly Name[];
}

/** The upgrade that a client wants, with what it offers of what both sides can know, in its order. */
export type Upgrade = WebSocketUpgrade<WebSocketSubprotocol> | SpdyUpgrade<SpdySubprotocol>;

/** An upgrade to whatever protocols, of which none or some are named. */
export type AnyUpgrade = WebSocketUpgrade<string> | SpdyUpgrade<string>;

/** How browsers bring a token (apiserver `websocket.protocol`). It is for us, and never goes on. */
const BEARER_SUBPROTOCOL = 'base64url.bearer.authorization.k8s.io.';
/** RFC 9110 section 5.6.2; Kubernetes' tunnel names its inner protocol behind a slash, and servers compare whole names. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z/]+$/;

const CLEAN_UPGRADE = 'an upgrade needs "Connection: Upgrade" and one Upgrade header of one value';

/** Reads the upgrade of a request for exec or attach; undefined when none is wanted. Throws as `readAnyUpgrade`. */
export function readUpgrade(method: string, raw: RawHeaders): Upgrade | undefined {
  const upgrade = readAnyUpgrade(method, raw);
  if (upgrade === undefined) return undefined;
  if (upgrade.transport === 'websocket') {
    const offered = upgrade.offered.filter(isWebSocketSubprotocol);
    if (offered.length === 0) throw noneKnown('Sec-WebSocket-Protocol', WEBSOCKET_SUBPROTOCOLS);
    return { ...upgrade, offered };
  }
  const offered = upgrade.offered.filter(isSpdySubprotocol);
  if (offered.length === 0) throw noneKnown('X-Stream-Protocol-Version', SPDY_SUBPROTOCOLS);
  return { ...upgrade, offered };
}

/**
 * Reads the upgrade of any request; undefined when none is wanted. Servers look for substrings, for first lines, with
 * and without regard to case: whatever is not clean under every reading, or is to anything but WebSocket and SPDY/3.1,
 * is refused with KW_BAD_REQUEST. A bearer token among the subprotocols is not one of them.
 */
export function readAnyUpgrade(method: string, raw: RawHeaders): AnyUpgrade | undefined {
  const upgrades = valuesOf(raw, 'upgrade');
  if (upgrades.length === 0) return undefined;
  if (!connectionTokens(raw).has('upgrade')) {
    const connection = valuesOf(raw, 'connection').join(',').toLowerCase();
    if (connection.includes('upgrade')) throw bad(CLEAN_UPGRADE);
    return undefined;
  }
  if (upgrades.length > 1) throw bad(CLEAN_UPGRADE);
  refuseBody(raw);
  const protocol = upgrades[0]?.trim().toLowerCase();
  if (protocol === 'websocket') return readWebSocket(method, raw);
  if (protocol === 'spdy/3.1') return readSpdy(method, raw);
  throw bad('the only upgrades are to websocket and to SPDY/3.1');
}

/**
 * What upstream chose in its 101 for exec or attach. Throws KW_UPSTREAM_PROTOCOL as `chosenProtocol`, and when no
 * WebSocket subprotocol was chosen.
 */
export function checkUpgradeAnswer(
  upgrade: Upgrade,
  raw: RawHeaders,
  expectedAccept: string,
): SessionProtocol {
  const chosen = chosenProtocol(upgrade, raw, expectedAccept);
  if (upgrade.transport === 'spdy') {
    // A server of v1 names no version, and clients take it so (client-go remotecommand).
    if (chosen === undefined) return { transport: 'spdy', subprotocol: 'channel.k8s.io' };
    const subprotocol = upgrade.offered.find(offered => offered === chosen);
    if (subprotocol === undefined) throw wrong(NOT_OFFERED);
    return { transport: 'spdy', subprotocol };
  }
  const subprotocol = upgrade.offered.find(offered => offered === chosen);
  if (subprotocol === undefined) throw wrong('chose no WebSocket subprotocol');
  return { transport: 'websocket', subprotocol };
}

/**
 * The protocol that upstream named in its 101; undefined when it named none. `expectedAccept`: the value of
 * Sec-WebSocket-Accept for the key that was sent (RFC 6455 section 4.2.2); not looked at for SPDY. Throws
 * KW_UPSTREAM_PROTOCOL when it switched to what was not asked for.
 */
export function chosenProtocol(
  upgrade: AnyUpgrade,
  raw: RawHeaders,
  expectedAccept: string,
): string | undefined {
  const token = upgrade.transport === 'websocket' ? 'websocket' : 'spdy/3.1';
  if (onlyValue(raw, 'upgrade')?.toLowerCase() !== token || !connectionTokens(raw).has('upgrade')) {
    throw wrong(`switched to another protocol than ${token}`);
  }
  if (upgrade.transport === 'websocket') {
    if (onlyValue(raw, 'sec-websocket-accept') !== expectedAccept) {
      throw wrong('answered another WebSocket handshake than ours');
    }
    if (valuesOf(raw, 'sec-websocket-extensions').length > 0) {
      throw wrong('switched on a WebSocket extension that was not offered');
    }
  }
  const header = upgrade.transport === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version';
  const chosen = onlyValue(raw, header);
  if (chosen !== undefined && !upgrade.offered.includes(chosen)) throw wrong(NOT_OFFERED);
  return chosen;
}

function readWebSocket(method: string, raw: RawHeaders): AnyUpgrade {
  if (method !== 'GET') throw bad('a WebSocket is opened with GET');
  if (singleValue(raw, 'Sec-WebSocket-Version') !== '13') throw bad('Sec-WebSocket-Version must be 13');
  const key = singleValue(raw, 'Sec-WebSocket-Key') ?? '';
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) throw bad('Sec-WebSocket-Key must be 16 bytes in base64');
  // API servers read the first line only, so a second one is refused rather than joined.
  singleValue(raw, 'Sec-WebSocket-Protocol');
  const offered = listOf(raw, 'sec-websocket-protocol').filter(name => !name.startsWith(BEARER_SUBPROTOCOL));
  for (const name of offered) {
    if (!TOKEN.test(name)) throw bad('a name in Sec-WebSocket-Protocol is not a token');
  }
  return { transport: 'websocket', key, offered: unique(offered) };
}

function readSpdy(method: string, raw: RawHeaders): AnyUpgrade {
  if (method !== 'GET' && method !== 'POST') throw bad('SPDY/3.1 is opened with POST or GET');
  const offered = listOf(raw, 'x-stream-protocol-version');
  for (const name of offered) {
    if (!TOKEN.test(name)) throw bad('a name in X-Stream-Protocol-Version is not a token');
  }
  return { transport: 'spdy', offered: unique(offered) };
}

const NOT_OFFERED = 'chose a protocol that was not offered';

/** Bytes behind an upgrade belong to the upgrade; a body in between would be read as such by one side only. */
function refuseBody(raw: RawHeaders): void {
  const length = singleValue(raw, 'Content-Length') ?? '0';
  if (!/^0+$/.test(length) || valuesOf(raw, 'transfer-encoding').length > 0) {
    throw bad('a request for an upgrade has no body');
  }
}

/** The trimmed value when there is exactly one line with something in it. */
function onlyValue(raw: RawHeaders, name: string): string | undefined {
  const values = valuesOf(raw, name).map(value => value.trim());
  if (values.length > 1) throw wrong(`sent ${name} more than once`);
  return values[0] === '' ? undefined : values[0];
}

function unique<Name>(names: readonly Name[]): readonly Name[] {
  return [...new Set(names)];
}

function noneKnown(header: string, supported: readonly string[]): WitnessError {
  return bad(`${header} offers no protocol that is supported here: ${supported.join(', ')}`);
}

function bad(message: string): WitnessError {
  return new WitnessError('KW_BAD_REQUEST', message);
}

function wrong(what: string): WitnessError {
  return new WitnessError('KW_UPSTREAM_PROTOCOL', `the API server ${what}`);
}
