import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import { CastCheck, castFault } from '../../../src/recorder/cast-check.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import { type RunningRecorder, startRecorder } from '../../../src/recorder/server.ts';
import type { Subject } from '../subject.ts';
import { must, pieces, texts } from '../subject.ts';

interface Running {
  readonly recorder: RunningRecorder;
  readonly storage: FolderStorage;
}

let running: Promise<Running> | undefined;

async function start(): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-fuzz-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const storage = await FolderStorage.open(dir, { clock: systemClock, log: silentLogger });
  const recorder = await startRecorder({
    host: '127.0.0.1',
    port: 0,
    storage,
    clock: systemClock,
    log: silentLogger,
  });
  return { recorder, storage };
}

async function check(input: Buffer): Promise<void> {
  running ??= start();
  const { recorder, storage } = await running;
  const socket = connect(recorder.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const piece of pieces(input)) socket.write(piece);
  // Whoever sends this does not wait for an answer, or waits for its first bytes only.
  await new Promise<void>(resolve => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
    socket.end(() => setImmediate(resolve));
  });
  socket.destroy();
  // It serves on, and calls nothing complete that is no whole cast.
  const asked = request({ port: recorder.port, path: '/api/v1/recordings?limit=5', agent: false }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  must(response.statusCode === 200, `the recorder answers ${response.statusCode}`);
  for (const { id, complete } of (await storage.search({ limit: 5 })).manifests) {
    const cast = await storage.openCast(id);
    const report = new CastCheck();
    for await (const chunk of cast?.body ?? []) report.push(Buffer.from(chunk));
    must(!complete || castFault(report.report()) === undefined, `${id} is called complete`);
  }
}

const CAST = '{"version":2,"width":80,"height":24}\n[1,"o","x"]\n';
const WORDS = [
  ...[
    'POST /record HTTP/1.1\r\n',
    'GET /api/v1/recordings HTTP/1.1\r\n',
    'POST /v2/event HTTP/1.1\r\n',
    'Host: r\r\n',
  ],
  ...[
    'Expect: 100-continue\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: 49\r\n',
    '\r\n',
    CAST,
    '0\r\n\r\n',
  ],
  ...[
    `${CAST.length.toString(16)}\r\n${CAST}\r\n`,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\0\0\0\x04\0\0\0\0\0',
    'Range: bytes=0-1\r\n',
  ],
];
const HEAD = 'POST /record HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = fc
  .constantFrom(CAST, '[2,"o","y"]\n', '{', '[3,"o"', '\n')
  .map(text => `${text.length.toString(16)}\r\n${text}\r\n`);

export const RECORDER_PORT_SUBJECTS: readonly Subject[] = [
  {
    name: 'recorder-port',
    slow: true,
    files: [
      'src/recorder/server.ts',
      'src/recorder/sniff.ts',
      'src/recorder/http1-side.ts',
      'src/recorder/record-v1.ts',
      'src/recorder/routes.ts',
      'src/recorder/receive.ts',
    ],
    words: WORDS,
    grammar: texts(
      fc.oneof(
        fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map(parts => parts.join('')),
        fc
          .tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom('0\r\n\r\n', '', 'zz\r\n'))
          .map(([chunks, end]) => HEAD + chunks.join('') + end),
      ),
      'latin1',
    ),
    check,
  },
];
