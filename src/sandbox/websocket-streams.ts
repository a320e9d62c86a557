import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import {
  type AskedStreams,
  CLOSE_CHANNEL,
  type StreamName,
  type WebSocketSubprotocol,
} from '../kube/remotecommand.ts';
import { channelOf, decodeMessage, encodeMessage, endsWithStatus, isBase64 } from './channel-message.ts';
import { type Ending, endingText } from './exit-status.ts';
import { type RemoteStreams, sendInPieces } from './remote-streams.ts';
import { TerminalSizes } from './terminal-sizes.ts';

/** How long the client may take to answer our close frame. */
const CLOSE_LIMIT_MS = 5_000;
const CLOSE_NORMAL = 1_000;
const CLOSE_PROTOCOL_ERROR = 1_002;

/** The streams of an exec or attach over an open WebSocket. */
export function websocketStreams(
  socket: WebSocket,
  subprotocol: WebSocketSubprotocol,
  asked: AskedStreams,
): RemoteStreams {
  const base64 = isBase64(subprotocol);
  const sizes = new TerminalSizes();
  const gone = new AbortController();
  const closed = new Promise<void>(resolve => {
    socket.once('close', () => {
      gone.abort();
      if (stdin !== undefined && !stdin.readableEnded) stdin.destroy();
      resolve();
    });
  });
  // ws closes the connection by itself after an error; without a listener it would end the process.
  socket.on('error', onError);
  socket.on('message', onMessage);

  const stdin = asked.stdin ? new Readable({ read: () => socket.resume() }) : undefined;
  const stdout = asked.stdout ? output('stdout') : undefined;
  const stderr = asked.stderr && !asked.tty ? output('stderr') : undefined;
  // An empty message on the lowest channel that we write tells the client that it is connected.
  send(
    channelOf(stdout !== undefined ? 'stdout' : stderr !== undefined ? 'stderr' : 'error'),
    Buffer.alloc(0),
  );

  function onError(): void {
    gone.abort();
  }

  function onMessage(data: RawData): void {
    const bytes = Array.isArray(data)
      ? Buffer.concat(data)
      : Buffer.isBuffer(data)
        ? data
        : Buffer.from(data);
    const message = decodeMessage(bytes, base64);
    if (message === undefined) return;
    if (message.channel === channelOf('stdin')) onStdin(message.payload);
    else if (message.channel === channelOf('resize') && asked.tty) sizes.push(message.payload);
    else if (message.channel === CLOSE_CHANNEL && subprotocol === 'v5.channel.k8s.io') {
      onCloseSignal(message.payload);
    }
  }

  function onStdin(payload: Buffer): void {
    if (stdin === undefined || stdin.readableEnded || stdin.destroyed || payload.length === 0) return;
    if (!stdin.push(payload)) socket.pause();
  }

  function onCloseSignal(payload: Buffer): void {
    const channel = payload[0];
    if (payload.length !== 1 || channel === undefined || channel > channelOf('resize')) {
      socket.close(CLOSE_PROTOCOL_ERROR);
      return;
    }
    if (channel === channelOf('stdin')) stdin?.push(null);
  }

  function output(stream: StreamName): Writable {
    const channel = channelOf(stream);
    const target = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        sendInPieces(chunk, (piece, sent) => send(channel, piece, sent), callback);
      },
    });
    // The session learns of it from `gone`.
    target.on('error', onError);
    return target;
  }

  function send(channel: number, payload: Buffer, callback?: (error?: Error | null) => void): void {
    socket.send(encodeMessage(channel, payload, base64), { binary: !base64 }, error => callback?.(error));
  }

  async function finish(ending: Ending): Promise<void> {
    const text = endingText(ending, endsWithStatus(subprotocol));
    if (text !== '') send(channelOf('error'), Buffer.from(text, 'utf8'));
    socket.close(CLOSE_NORMAL);
    // What the client still sends must be read, or its close frame is never seen.
    socket.resume();
    const limit = setTimeout(() => socket.terminate(), CLOSE_LIMIT_MS);
    await closed;
    clearTimeout(limit);
  }

  return { stdin, stdout, stderr, sizes, gone: gone.signal, finish };
}
