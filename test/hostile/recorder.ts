import { EventEmitter, once } from 'node:events';
import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:http2';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { listening } from '../support/listening.ts';

/** One recording on its way to the fake recorder. */
export class Upload extends EventEmitter<{ changed: [] }> {
  readonly stream: ServerHttp2Stream;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  /** `ended`: in order. `cut`: not, which is how a recorder knows that it has not everything. */
  state: 'open' | 'ended' | 'cut' = 'open';

  constructor(stream: ServerHttp2Stream) {
    super();
    this.stream = stream;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  take(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.bytes += bytes.length;
    this.emit('changed');
  }

  finish(how: 'ended' | 'cut'): void {
    if (this.state !== 'open') return;
    this.state = how;
    this.emit('changed');
  }

  async until(holds: (upload: Upload) => boolean): Promise<void> {
    while (!holds(this)) await once(this, 'changed');
  }

  async over(): Promise<'ended' | 'cut' | 'open'> {
    await this.until(({ state }) => state !== 'open');
    return this.state;
  }
}

export interface RecorderOptions {
  /** Before the go-ahead. */
  readonly accept?: () => Promise<void>;
  /** In place of reading and acknowledging. */
  readonly onUpload?: (upload: Upload) => void;
  /** In place of a last ack and the end of the answer. */
  readonly onBodyEnd?: (upload: Upload) => void;
}

export interface Recorder {
  readonly address: string;
  /** Those that were accepted, in order. */
  readonly uploads: readonly Upload[];
  /** Of the first upload. */
  readonly cast: Buffer;
  readonly connections: number;
  /** The first, as soon as it is there. */
  first(): Promise<Upload>;
  /** Resets every connection and takes no more. */
  die(): void;
}

/** A recorder of the HTTP/2 protocol that keeps each upload apart. */
export async function startRecorder(options: RecorderOptions = {}): Promise<Recorder> {
  const uploads: Upload[] = [];
  const arrived = new EventEmitter<{ upload: [] }>();
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':method'] === 'HEAD') {
      stream.respond({ ':status': 200 }, { endStream: true });
      return;
    }
    const take = (): void => {
      if (stream.destroyed) return;
      const upload = new Upload(stream);
      uploads.push(upload);
      stream.respond({ ':status': 200 });
      stream.on('close', () => upload.finish('cut'));
      if (options.onUpload === undefined) readUpload(upload, options);
      else options.onUpload(upload);
      arrived.emit('upload');
    };
    if (options.accept === undefined) take();
    else void options.accept().then(take);
  });
  const close = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    server.close();
  };
  onTestFinished(close);
  const address = await listen(server);
  let connections = 0;
  server.on('connection', () => connections++);
  return {
    address,
    uploads,
    get cast() {
      return uploads[0]?.body ?? Buffer.alloc(0);
    },
    get connections() {
      return connections;
    },
    first: async () => {
      let [upload] = uploads;
      while (upload === undefined) {
        await once(arrived, 'upload');
        [upload] = uploads;
      }
      return upload;
    },
    die: close,
  };
}

export function readUpload(upload: Upload, { onBodyEnd }: RecorderOptions = {}): void {
  const { stream } = upload;
  const ack = (): void => {
    if (!stream.destroyed) stream.write(`${JSON.stringify({ ack: upload.bytes })}\n`);
  };
  stream.on('data', (bytes: Buffer) => {
    upload.take(bytes);
    ack();
  });
  stream.on('end', () => {
    if (stream.aborted || stream.rstCode !== 0) return;
    upload.finish('ended');
    if (onBodyEnd === undefined) {
      ack();
      stream.end();
    } else onBodyEnd(upload);
  });
}

async function listen(server: Http2Server): Promise<string> {
  const port = await listening(server);
  return `127.0.0.1:${port}`;
}
