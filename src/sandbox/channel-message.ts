import { CHANNELS, type StreamName, type WebSocketSubprotocol } from '../kube/remotecommand.ts';

/** One message of the channel protocols: a channel number, then bytes. */
export interface ChannelMessage {
  readonly channel: number;
  readonly payload: Buffer;
}

const ZERO = 0x30;

export function isBase64(subprotocol: WebSocketSubprotocol): boolean {
  return subprotocol === 'base64.channel.k8s.io' || subprotocol === 'v4.base64.channel.k8s.io';
}

/** From v4 on the error channel holds a Status document. */
export function endsWithStatus(subprotocol: WebSocketSubprotocol): boolean {
  return subprotocol.startsWith('v');
}

export function channelOf(stream: StreamName): number {
  return CHANNELS.indexOf(stream);
}

/** In base64 the channel is an ASCII digit and each message is encoded on its own. */
export function encodeMessage(channel: number, payload: Buffer, base64: boolean): Buffer {
  return base64
    ? Buffer.from(String(channel) + payload.toString('base64'), 'latin1')
    : Buffer.concat([Buffer.of(channel), payload]);
}

/** Undefined for an empty message, which means nothing. */
export function decodeMessage(message: Buffer, base64: boolean): ChannelMessage | undefined {
  const first = message[0];
  if (first === undefined) return undefined;
  const rest = message.subarray(1);
  if (!base64) return { channel: first, payload: rest };
  return { channel: first - ZERO, payload: Buffer.from(rest.toString('latin1'), 'base64') };
}

/**
 * What the server picks from the client's first Sec-WebSocket-Protocol line; further lines are ignored. v5 anywhere in
 * it means that the API server ends the WebSocket itself; otherwise the first known name in the client's order
 * (apiserver's stream translator, x/net/websocket handshake). Undefined: nothing in common.
 */
export function chooseSubprotocol(line: string): WebSocketSubprotocol | undefined {
  const offered = line.split(',').map(name => name.trim());
  if (offered.includes('v5.channel.k8s.io')) return 'v5.channel.k8s.io';
  const known: readonly WebSocketSubprotocol[] = [
    'v4.channel.k8s.io',
    'v4.base64.channel.k8s.io',
    'channel.k8s.io',
    'base64.channel.k8s.io',
  ];
  return offered.map(name => known.find(candidate => candidate === name)).find(found => found !== undefined);
}
