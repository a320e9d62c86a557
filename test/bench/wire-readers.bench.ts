import { bench, describe } from 'vitest';
import type { AskedStreams, SessionProtocol } from '../../src/kube/remotecommand.ts';
import type { WireReader } from '../../src/wire/codec.ts';
import { createCodec } from '../../src/wire/create-codec.ts';
import { data, opening } from '../src/wire/spdy-encoder.ts';
import { base64Message, fromClient, fromServer, message } from '../src/wire/websocket-encoder.ts';

/** Each run reads 16 MiB in the chunks that a Node socket gives, so MB/s is 16.8 times the runs per second. */
const RUN_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const FRAME_BYTES = [64, 1024, 32 * 1024];

const ASKED: AskedStreams = { stdin: true, stdout: true, stderr: true, tty: false };

function codec(protocol: SessionProtocol) {
  const sink = { payload: () => {} };
  return createCodec(protocol, { asked: ASKED, clientSink: sink, upstreamSink: sink });
}

function readAll(reader: WireReader, frame: Buffer): void {
  const count = Math.max(1, Math.floor(CHUNK_BYTES / frame.length));
  const chunk = Buffer.concat(Array.from({ length: count }, () => frame));
  for (let read = 0; read < RUN_BYTES; read += chunk.length) {
    if (reader.push(chunk).violation !== undefined) throw new Error('the bench writes bad frames');
  }
}

describe.each(FRAME_BYTES)('frames of %d bytes', length => {
  const payload = Buffer.alloc(length, 'x');

  bench('WebSocket output', () => {
    const { fromUpstream } = codec({ transport: 'websocket', subprotocol: 'v5.channel.k8s.io' });
    readAll(fromUpstream, fromServer(message(1, payload)));
  });

  bench('WebSocket stdin', () => {
    const reader = codec({ transport: 'websocket', subprotocol: 'v5.channel.k8s.io' }).fromClient;
    readAll(reader, fromClient(message(0, payload)));
  });

  bench('WebSocket output in base64', () => {
    const { fromUpstream } = codec({ transport: 'websocket', subprotocol: 'base64.channel.k8s.io' });
    readAll(fromUpstream, fromServer(base64Message(1, payload), 1));
  });

  bench('SPDY output', () => {
    const { fromClient: client, fromUpstream } = codec({
      transport: 'spdy',
      subprotocol: 'v4.channel.k8s.io',
    });
    client.push(opening(['error', 'stdin', 'stdout', 'stderr']));
    readAll(fromUpstream, data(5, payload));
  });
});
