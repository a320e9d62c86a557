/**
 * Vocabulary of the remotecommand protocols (k8s.io/apimachinery `remotecommand`, KEP-4006).
 */

/** Subprotocols spoken over WebSocket. v2 and v3 exist over SPDY only. */
export const WEBSOCKET_SUBPROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const;
export type WebSocketSubprotocol = (typeof WEBSOCKET_SUBPROTOCOLS)[number];

/** Values of X-Stream-Protocol-Version that servers pick. Clients also list v5, which no server picks. */
export const SPDY_SUBPROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;
export type SpdySubprotocol = (typeof SPDY_SUBPROTOCOLS)[number];

/** What both ends agreed on in the upgrade. */
export type SessionProtocol =
  | { readonly transport: 'websocket'; readonly subprotocol: WebSocketSubprotocol }
  | { readonly transport: 'spdy'; readonly subprotocol: SpdySubprotocol };

export type StreamName = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize';

/** WebSocket channel numbers of the streams, in order. */
export const CHANNELS = ['stdin', 'stdout', 'stderr', 'error', 'resize'] as const;
/** v5 only: `FF cc` says that the sender closed channel cc. */
export const CLOSE_CHANNEL = 255;

/** The streams that the query string of an exec or attach asks for. */
export interface AskedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** False when tty is true: the terminal merges it into stdout. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Terminal size in characters. Both are 1..65535. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export function isWebSocketSubprotocol(name: string): name is WebSocketSubprotocol {
  return WEBSOCKET_SUBPROTOCOLS.some(known => known === name);
}

export function isSpdySubprotocol(name: string): name is SpdySubprotocol {
  return SPDY_SUBPROTOCOLS.some(known => known === name);
}
