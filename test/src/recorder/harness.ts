import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Access } from '../../../src/recorder/access.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import type { RecorderServerLimits } from '../../../src/recorder/limits.ts';
import type { RecorderLog } from '../../../src/recorder/log.ts';
import { type RecorderTls, type RunningRecorder, startRecorder } from '../../../src/recorder/server.ts';
import type { RecordingStorage, RecordingWriter } from '../../../src/recorder/storage.ts';

export const HEADER_LINE = `${JSON.stringify({ version: 2, width: 80, height: 24, timestamp: 1767225600 })}\n`;
export const CAST = `${HEADER_LINE}[0.5,"o","/ # "]\n[1.25,"o","hé\\n"]\n`;

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** A log that tests can wait on. */
export class HeardLog implements RecorderLog {
  readonly lines: LogLine[] = [];
  #waiting: (() => void)[] = [];

  info(fields: object, message: string): void {
    this.#add({ level: 'info', fields, message });
  }
  warn(fields: object, message: string): void {
    this.#add({ level: 'warn', fields, message });
  }
  error(fields: object, message: string): void {
    this.#add({ level: 'error', fields, message });
  }

  /** Resolves once `count` lines with this message were written. */
  async seen(message: string, count = 1): Promise<LogLine[]> {
    for (;;) {
      const found = this.lines.filter(line => line.message === message);
      if (found.length >= count) return found;
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    }
  }

  #add(line: LogLine): void {
    this.lines.push(line);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kubewitness-recorder-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A storage that has one writer and nothing else. */
export function storageOf(writer: RecordingWriter): RecordingStorage {
  return {
    open: async () => writer,
    search: async () => ({ manifests: [] }),
    get: async () => undefined,
    openCast: async () => undefined,
    appendEvent: async () => {},
    searchEvents: async () => ({ events: [] }),
    hold: async () => undefined,
    remove: async () => {},
    appendRetention: async () => {},
    close: async () => {},
  };
}

export interface Running {
  readonly recorder: RunningRecorder;
  readonly folder: string;
  readonly log: HeardLog;
}

export interface RunOptions {
  readonly limits?: Partial<RecorderServerLimits>;
  readonly minFreeBytes?: number;
  readonly storage?: RecordingStorage;
  readonly folder?: string;
  readonly access?: Access;
  readonly tls?: RecorderTls;
}

/** A recorder on a free port of the loopback, closed when the test is over. */
export async function running(options: RunOptions = {}): Promise<Running> {
  const folder = options.folder ?? (await newFolder());
  const log = new HeardLog();
  const { minFreeBytes, limits } = options;
  const storage =
    options.storage ??
    (await FolderStorage.open(folder, {
      clock: systemClock,
      log,
      ...(minFreeBytes !== undefined && { minFreeBytes }),
    }));
  const recorder = await startRecorder({
    host: '127.0.0.1',
    port: 0,
    storage,
    clock: systemClock,
    log,
    ...(limits !== undefined && { limits }),
    ...(options.access !== undefined && { access: options.access }),
    ...(options.tls !== undefined && { tls: options.tls }),
  });
  onTestFinished(() => recorder.close(0));
  return { recorder, folder, log };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One HTTP/1.1 request on a connection of its own. */
export function http1(
  { port }: { port: number },
  method: string,
  path: string,
  body?: string | Buffer,
  authorization?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { authorization };
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** An HTTP/2 connection by prior knowledge. */
export function http2({ port }: { port: number }, socket?: Socket): ClientHttp2Session {
  const session = connect(
    `http://127.0.0.1:${port}`,
    socket === undefined ? {} : { createConnection: () => socket },
  );
  session.on('error', () => {
    // The streams of the session report it.
  });
  onTestFinished(() => session.destroy());
  return session;
}

/** The sending side of `POST /v2/record`, with the answer's objects parsed one by one. */
export class V2Sender {
  readonly stream: ClientHttp2Stream;
  readonly status: Promise<number>;
  /** Resolves to whether the response ended in order. */
  readonly ended: Promise<'end' | 'lost'>;
  readonly objects: unknown[] = [];
  #text = '';
  #waiting: (() => void)[] = [];

  constructor(
    session: ClientHttp2Session,
    path = '/v2/record',
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.stream = session.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
    this.status = new Promise((resolve, reject) => {
      this.stream.on('response', headers => resolve(headers[':status'] ?? 0));
      this.stream.on('error', reject);
    });
    this.status.catch(() => {
      // Only some tests look at the status.
    });
    this.ended = new Promise(resolve => {
      this.stream.on('end', () => resolve('end'));
      this.stream.on('close', () => resolve('lost'));
    });
    this.stream.setEncoding('utf8');
    this.stream.on('data', (text: string) => this.#read(text));
  }

  async object(matches: (value: unknown) => boolean): Promise<unknown> {
    for (;;) {
      const found = this.objects.find(matches);
      if (found !== undefined) return found;
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    }
  }

  acked(bytes: number): Promise<unknown> {
    return this.object(value => ackOf(value) === bytes);
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.objects.push(JSON.parse(line));
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export function ackOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('ack' in value)) return undefined;
  return typeof value.ack === 'number' ? value.ack : undefined;
}

/** The one manifest that the API lists. */
export async function onlyManifest(recorder: { port: number }): Promise<Record<string, unknown>> {
  const answer = await http1(recorder, 'GET', '/api/v1/recordings');
  const list: unknown = JSON.parse(answer.text);
  if (!Array.isArray(list) || list.length !== 1) throw new Error(`not one manifest: ${answer.text}`);
  return list[0];
}
