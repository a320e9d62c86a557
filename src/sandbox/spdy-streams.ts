import { type Duplex, Readable, Writable } from 'node:stream';
import type { AskedStreams, SpdySubprotocol, StreamName } from '../kube/remotecommand.ts';
import { type Ending, endingText } from './exit-status.ts';
import { type RemoteStreams, sendInPieces } from './remote-streams.ts';
import { SpdyConnection } from './spdy-connection.ts';
import { TerminalSizes } from './terminal-sizes.ts';

/** The container runtime's own bound on opening the streams. */
const CREATION_LIMIT_MS = 30_000;

/** v4 has the Status; resize came with v3. */
export function expectedStreams(subprotocol: SpdySubprotocol, asked: AskedStreams): StreamName[] {
  const resizes = subprotocol === 'v4.channel.k8s.io' || subprotocol === 'v3.channel.k8s.io';
  const wanted: readonly (readonly [StreamName, boolean])[] = [
    ['error', true],
    ['stdin', asked.stdin],
    ['stdout', asked.stdout],
    ['stderr', asked.stderr && !asked.tty],
    ['resize', asked.tty && resizes],
  ];
  return wanted.filter(([, isWanted]) => isWanted).map(([name]) => name);
}

/**
 * The streams of an exec or attach, once the client has opened as many as it asked for. Like the container runtime
 * this counts and does not compare: of two streams of a type the later one is used, and an unknown type is not
 * counted. Undefined when the client leaves first or takes longer than 30 s; the connection is closed then.
 */
export function acceptSpdyStreams(
  socket: Duplex,
  head: Buffer,
  subprotocol: SpdySubprotocol,
  asked: AskedStreams,
): Promise<RemoteStreams | undefined> {
  const expected = expectedStreams(subprotocol, asked).length;
  const ids = new Map<StreamName, number>();
  const sizes = new TerminalSizes();
  const stdin = asked.stdin ? new Readable({ read: () => connection.resume() }) : undefined;
  let count = 0;
  let onReady: () => void = () => undefined;

  const connection = new SpdyConnection(socket, {
    opened(streamId, headers) {
      const name = streamName(headers.get('streamtype'));
      if (name === undefined) return;
      ids.set(name, streamId);
      count += 1;
      if (count === expected) onReady();
    },
    data(streamId, bytes) {
      if (streamId === ids.get('resize')) sizes.push(bytes);
      if (streamId !== ids.get('stdin') || stdin === undefined || stdin.destroyed) return true;
      return stdin.push(bytes);
    },
    ended(streamId) {
      if (streamId === ids.get('stdin') && stdin !== undefined && !stdin.destroyed) stdin.push(null);
    },
  });
  connection.gone.addEventListener('abort', () => stdin?.destroy(), { once: true });

  function output(name: StreamName): Writable {
    const target = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        const streamId = ids.get(name);
        // Counting instead of comparing may start a command without this stream: its output goes nowhere.
        if (streamId === undefined) callback();
        else sendInPieces(chunk, (piece, sent) => connection.send(streamId, piece, sent), callback);
      },
      final: callback => {
        const streamId = ids.get(name);
        if (streamId === undefined) callback();
        else connection.end(streamId, callback);
      },
    });
    // The session learns of it from `gone`.
    target.on('error', () => connection.destroy());
    return target;
  }

  async function finish(ending: Ending): Promise<void> {
    const text = endingText(ending, subprotocol === 'v4.channel.k8s.io');
    const streamId = ids.get('error');
    if (text !== '' && streamId !== undefined) {
      connection.send(streamId, Buffer.from(text, 'utf8'), () => undefined);
    }
    await connection.close();
  }

  return new Promise(resolve => {
    const limit = setTimeout(() => connection.destroy(), CREATION_LIMIT_MS);
    const onGone = (): void => {
      clearTimeout(limit);
      resolve(undefined);
    };
    connection.gone.addEventListener('abort', onGone, { once: true });
    onReady = () => {
      clearTimeout(limit);
      connection.gone.removeEventListener('abort', onGone);
      resolve({
        stdin,
        stdout: asked.stdout ? output('stdout') : undefined,
        stderr: asked.stderr && !asked.tty ? output('stderr') : undefined,
        sizes,
        gone: connection.gone,
        finish,
      });
    };
    connection.start(head);
  });
}

function streamName(type: string | undefined): StreamName | undefined {
  const names: readonly StreamName[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];
  return names.find(name => name === type);
}
