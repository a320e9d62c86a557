import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** How much of one part of a cast a recorder has acknowledged, and what that was. */
export interface Acknowledged {
  readonly bytes: number;
  /** Hex, of those bytes. */
  readonly sha256: string;
}

const PREFACE_BYTES = 24;
const DATA = 0;
const PADDED = 8;

/**
 * Stands between the proxy and a recorder and reads along: the acks as the recorder gave them, and the bytes that they
 * were for. HTTP/2's frames are all that it needs to know (RFC 9113 sections 4.1 and 6.1).
 */
export class AckWitness {
  readonly address: string;
  /** By the id of the part, as it stands in the cast's header. */
  readonly acknowledged: Map<string, Acknowledged>;
  readonly #close: () => Promise<void>;

  private constructor(port: number, acknowledged: Map<string, Acknowledged>, close: () => Promise<void>) {
    this.address = `127.0.0.1:${port}`;
    this.acknowledged = acknowledged;
    this.#close = close;
  }

  /** `recorderPort`: asked for each connection. */
  static async start(recorderPort: () => number): Promise<AckWitness> {
    const acknowledged = new Map<string, Acknowledged>();
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, near => {
      const far = connect({ port: recorderPort(), host: '127.0.0.1', noDelay: true });
      const uploads = new Map<number, Upload>();
      const upload = (stream: number): Upload => {
        const known = uploads.get(stream) ?? new Upload(acknowledged);
        uploads.set(stream, known);
        return known;
      };
      const asked = new DataFrames(PREFACE_BYTES, (stream, bytes) => upload(stream).sent(bytes));
      const answered = new DataFrames(0, (stream, bytes) => upload(stream).answered(bytes));
      join(near, far, asked, sockets);
      join(far, near, answered, sockets);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new AckWitness(address.port, acknowledged, async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** What dies on one side dies on the other. */
function join(from: Socket, to: Socket, frames: DataFrames, sockets: Set<Socket>): void {
  sockets.add(from);
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    sockets.delete(from);
    to.destroy();
  });
  from.on('end', () => to.end());
  from.on('data', bytes => {
    frames.push(bytes);
    if (!to.write(bytes)) from.pause();
  });
  to.on('drain', () => from.resume());
}

class Upload {
  readonly #acknowledged: Map<string, Acknowledged>;
  readonly #hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #hashed = 0;
  #id: string | undefined;
  #header = '';
  #answer = '';

  constructor(acknowledged: Map<string, Acknowledged>) {
    this.#acknowledged = acknowledged;
  }

  sent(bytes: Buffer): void {
    this.#waiting.push(bytes);
    if (this.#id !== undefined) return;
    this.#header += bytes.toString('utf8');
    const line = this.#header.split('\n')[0] ?? '';
    if (line.length < this.#header.length) this.#id = JSON.parse(line).kubewitness.recordingId;
  }

  answered(bytes: Buffer): void {
    const lines = (this.#answer + bytes.toString('utf8')).split('\n');
    this.#answer = lines.pop() ?? '';
    for (const line of lines.filter(line => line !== '')) {
      const { ack } = JSON.parse(line);
      if (typeof ack === 'number') this.#acked(ack);
    }
  }

  #acked(upTo: number): void {
    let rest = Buffer.concat(this.#waiting);
    if (this.#hashed + rest.length < upTo) throw new Error(`${upTo} bytes acknowledged that were not sent`);
    this.#hash.update(rest.subarray(0, upTo - this.#hashed));
    rest = rest.subarray(upTo - this.#hashed);
    this.#waiting = rest.length === 0 ? [] : [rest];
    this.#hashed = upTo;
    if (this.#id === undefined) return;
    this.#acknowledged.set(this.#id, { bytes: upTo, sha256: this.#hash.copy().digest('hex') });
  }
}

/** Picks the payload of DATA frames out of one direction. */
class DataFrames {
  readonly #data: (stream: number, bytes: Buffer) => void;
  #skip: number;
  #held = Buffer.alloc(0);

  constructor(skip: number, data: (stream: number, bytes: Buffer) => void) {
    this.#skip = skip;
    this.#data = data;
  }

  push(bytes: Buffer): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    this.#held = Buffer.concat([this.#held, bytes.subarray(skipped)]);
    for (;;) {
      const length = this.#held.length < 9 ? Number.POSITIVE_INFINITY : this.#held.readUIntBE(0, 3);
      if (this.#held.length < 9 + length) return;
      const type = this.#held[3];
      if (type === DATA) {
        if (((this.#held[4] ?? 0) & PADDED) !== 0) throw new Error('a padded frame: not foreseen here');
        const payload = Buffer.from(this.#held.subarray(9, 9 + length));
        if (length > 0) this.#data(this.#held.readUInt32BE(5), payload);
      }
      this.#held = this.#held.subarray(9 + length);
    }
  }
}
