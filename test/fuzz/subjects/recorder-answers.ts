import { once } from 'node:events';
import type { Http2Server } from 'node:http2';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import fc from 'fast-check';
import { connectRecorder } from '../../../src/recording/connect.ts';
import { JsonObjects } from '../../../src/recording/json-objects.ts';
import { RecorderFailures } from '../../../src/recording/recorder-failure.ts';
import { throughSocks5 } from '../../../src/recording/socks5.ts';
import { systemTimers } from '../../../src/recording/timers.ts';
import { RecorderError } from '../../../src/recording/upload.ts';
import { answering } from '../peer.ts';
import type { Subject } from '../subject.ts';
import { json, must, mustEqual, pieces, texts } from '../subject.ts';

const CAST = Buffer.from('{"version":2,"width":80,"height":24}\n');

function recorderError(error: unknown): RecorderError {
  if (error instanceof RecorderError) return error;
  throw error;
}

function checkObjects(input: Buffer): void {
  const read = (chunks: readonly Buffer[]) => {
    const reader = new JsonObjects(200);
    const results = chunks.map(chunk => reader.push(chunk));
    const violations = results.flatMap(({ violation }) => violation ?? []);
    must(violations.length <= 1, 'a second violation');
    return { objects: results.flatMap(({ objects }) => objects), violations, complete: reader.complete };
  };
  const whole = read([input]);
  mustEqual(read(pieces(input)), whole, 'cut in pieces');
  for (const object of whole.objects)
    must(JSON.stringify(object).length <= 6 * 200, 'an object above the bound');
}

/** A recorder of v2 that takes the body and answers with the input, whatever it is. */
let recorder: { server: Http2Server; address: string } | undefined;
let answer = Buffer.alloc(0);

async function recorderAddress(): Promise<string> {
  if (recorder !== undefined) return recorder.address;
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 }, { endStream: headers[':method'] === 'HEAD' });
    if (headers[':method'] === 'HEAD') return;
    stream.resume();
    stream.on('end', () => {
      for (const piece of pieces(answer)) stream.write(piece);
      stream.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  recorder = { server, address: `127.0.0.1:${address.port}` };
  return recorder.address;
}

async function checkAcks(input: Buffer): Promise<void> {
  const address = await recorderAddress();
  answer = Buffer.from(input);
  const upload = await connectRecorder(address);
  upload.write(CAST);
  const failed = await upload.end().then(() => undefined, recorderError);
  must(
    upload.unackedBytes >= 0 && upload.unackedBytes <= CAST.length,
    `${upload.unackedBytes} bytes unacknowledged`,
  );
  // "Recorded" is never said of what the recorder has called a failure, nor of what is no answer of a recorder's.
  const reader = new JsonObjects(16 * 1024);
  const { objects, violation } = reader.push(input);
  const isFault = objects.some(({ error }) => typeof error === 'string' && error !== '');
  must(
    failed !== undefined || (!isFault && violation === undefined && reader.complete),
    'a failure passes for a whole',
  );
  upload.abort();
}

async function checkV1(input: Buffer): Promise<void> {
  await answering(input, 'port', async port => {
    const upload = await connectRecorder(`127.0.0.1:${port}`).catch(recorderError);
    if (upload instanceof RecorderError) return;
    must(/HTTP\/1\.[01] 100/.test(input.toString('latin1')), 'accepted without a go-ahead');
    upload.write(CAST);
    const failed = await upload.end().then(() => undefined, recorderError);
    must(
      failed !== undefined || /HTTP\/1\.[01] 2[0-9][0-9]/.test(input.toString('latin1')),
      'a whole that nobody confirmed',
    );
    upload.abort();
  });
}

/** What RFC 1928 says of the two answers: how many bytes they have; undefined: they are no success. */
function socks5Success(input: Buffer): number | undefined {
  const kind = input[5];
  const length = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? 1 + (input[6] ?? 0) : undefined;
  if (length === undefined || input.length < 6 + length + 2) return undefined;
  const isSuccess = input[0] === 5 && input[1] === 0 && input[2] === 5 && input[3] === 0;
  return isSuccess ? 6 + length + 2 : undefined;
}

async function checkSocks5(input: Buffer): Promise<void> {
  await answering(input, 'port', async port => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    const attempt = { failures: new RecorderFailures('r:1'), timers: systemTimers };
    const target = { authority: 'recorder:80', host: 'recorder', port: 80 };
    const failed = await throughSocks5(attempt, socket, target, 5_000).then(() => undefined, recorderError);
    const used = socks5Success(input);
    mustEqual(failed === undefined, used !== undefined, 'success');
    if (used !== undefined) {
      // The recorder's own first bytes are still there, all of them.
      const rest: Buffer[] = [];
      for await (const piece of socket) rest.push(piece);
      must(Buffer.concat(rest).equals(input.subarray(used)), 'the recorder lost bytes');
    }
    socket.destroy();
  });
}

const ACKS = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '{"ack":37}',
        '{"ack":0}',
        '{}',
        '{"error":"full"}',
        '\n',
        '{"ack":38}',
        '{"ack":-1}',
        '{"ack":1.5}',
      ),
      json(['ack', 'error'], [37, 'x', null, -1]).map(value => JSON.stringify(value)),
    ),
    { maxLength: 6 },
  )
  .map(parts => parts.join(''));
const ACK_WORDS = ['{"ack":', '37}', '"error":"', '}', '{', '\n', '"', '\\"', '\\u0000', '1e999'];
const V1 = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 507 Full\r\n',
  'Content-Length: 0\r\n',
  '\r\n',
  'Transfer-Encoding: chunked\r\n',
  '0\r\n\r\n',
  'HTTP/1.1 101 Switching\r\n\r\n',
];

export const RECORDER_SUBJECTS: readonly Subject[] = [
  {
    name: 'json-objects',
    files: ['src/recording/json-objects.ts'],
    words: ACK_WORDS,
    grammar: texts(ACKS),
    check: checkObjects,
  },
  {
    name: 'recorder-v2',
    slow: true,
    files: ['src/recording/upload-v2.ts', 'src/recording/upload-fate.ts', 'src/recording/open-v2.ts'],
    words: ACK_WORDS,
    grammar: texts(ACKS),
    check: checkAcks,
  },
  {
    name: 'recorder-v1',
    slow: true,
    files: ['src/recording/upload-v1.ts', 'src/recording/connect.ts', 'src/recording/upload-fate.ts'],
    words: V1,
    grammar: texts(fc.array(fc.constantFrom(...V1), { maxLength: 6 }).map(parts => parts.join(''))),
    check: checkV1,
  },
  {
    name: 'socks5',
    slow: true,
    files: ['src/recording/socks5.ts'],
    words: [
      '\x05\x00',
      '\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50',
      '\x05\x00\x00\x03\x02aa\x00\x00',
      '\x05\x00\x00\x04',
      '\x05\xff',
      '\x00',
    ],
    grammar: fc
      .tuple(
        fc.constantFrom('0500', '05ff', '0400'),
        fc.constantFrom(
          '0500000100000000' + '0000',
          '050000030261610000',
          '050500010000000000',
          `05000004${'00'.repeat(18)}`,
        ),
        fc.uint8Array({ maxLength: 9 }),
      )
      .map(([greeting, reply, rest]) => Buffer.concat([Buffer.from(greeting + reply, 'hex'), rest])),
    check: checkSocks5,
  },
];
