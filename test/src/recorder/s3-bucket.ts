import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFauxqs } from 'fauxqs';
import { onTestFinished } from 'vitest';
import { S3Client } from '../../../src/recorder/s3-client.ts';

/** What happens to a request: passed on, or answered instead. `lose` passes it on and drops the answer. */
export type Fate = 'pass' | 'lose' | 'reset' | number | { readonly xml: string };

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
}

/** An S3-speaking server of another make, with something in front of it that can lose and refuse requests. */
export class Bucket {
  readonly name = 'recordings';
  readonly endpoint: string;
  readonly seen: SeenRequest[] = [];
  /** Set by a test. */
  fate: (request: SeenRequest) => Fate = () => 'pass';

  private constructor(port: number) {
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<Bucket> {
    const server = await startFauxqs({ port: 0, logger: false });
    onTestFinished(() => server.stop());
    const front = createServer((incoming, answer) => bucket.#serve(incoming, answer, server.port));
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve));
    // A listening TCP server has an address of this form.
    const bucket: Bucket = new Bucket((front.address() as AddressInfo).port);
    onTestFinished(() => {
      front.closeAllConnections();
      front.close();
    });
    server.createBucket(bucket.name);
    return bucket;
  }

  client(changes: { bucket?: string; endpoint?: string; prefix?: string } = {}): S3Client {
    return new S3Client({
      endpoint: this.endpoint,
      region: 'us-east-1',
      bucket: this.name,
      prefix: '',
      credentials: async () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
      requestMs: 10_000,
      ...changes,
    });
  }

  /** How often a method and a part of the target were seen. */
  count(method: string, part: string | RegExp): number {
    return this.seen.filter(({ method: seen, target }) => seen === method && target.search(part) !== -1)
      .length;
  }

  #serve(incoming: IncomingMessage, answer: ServerResponse, port: number): void {
    const { method = '', url: target = '', headers } = incoming;
    const seen = { method, target, headers };
    this.seen.push(seen);
    const fate = this.fate(seen);
    if (fate === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (typeof fate === 'number') {
      incoming.resume();
      answer.writeHead(fate, { connection: 'close' }).end();
      return;
    }
    if (typeof fate === 'object') {
      incoming.resume();
      answer.writeHead(200, { 'content-type': 'application/xml' }).end(fate.xml);
      return;
    }
    const onward = request({ host: '127.0.0.1', port, method, path: target, headers }, back => {
      if (fate === 'lose') {
        back.resume();
        back.on('end', () => incoming.socket.resetAndDestroy());
        return;
      }
      answer.writeHead(back.statusCode ?? 500, back.headers);
      back.pipe(answer);
    });
    onward.on('error', () => incoming.socket.destroy());
    incoming.pipe(onward);
  }
}
