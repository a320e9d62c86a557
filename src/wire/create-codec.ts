import type { CodecFactory } from './codec.ts';
import { SpdyCodec } from './spdy-codec.ts';
import { WebSocketCodec } from './websocket-codec.ts';

export const createCodec: CodecFactory = (protocol, options) =>
  protocol.transport === 'spdy'
    ? new SpdyCodec(protocol.subprotocol, options)
    : new WebSocketCodec(protocol.subprotocol, options);
