import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.close());

/** Header blocks of one zlib stream, so only good in this order: streamtype error, stdin, stdout, stderr. */
const BLOCKS = [
  '78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff',
  'c22e555c92929907000000ffff',
  'c22ac5565c92925f5a02000000ffff',
  'c229975a5404000000ffff',
];

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** SYN_STREAM with the next block. */
function open(id: number, block: number, flags = 0): Buffer {
  const headers = Buffer.from(BLOCKS[block] ?? '', 'hex');
  return Buffer.concat([
    Buffer.from([0x80, 3, 0, 1, flags]),
    uint(10 + headers.length, 3),
    uint(id, 4),
    Buffer.alloc(6),
    headers,
  ]);
}

function data(id: number, text: string, fin = false): Buffer {
  return Buffer.concat([uint(id, 4), uint(fin ? 1 : 0, 1), uint(text.length, 3), Buffer.from(text)]);
}

/** `data ID FIN TEXT`, `rst ID STATUS`, `goaway LAST STATUS`, `ping ID`, `reply ID`. */
function frames(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUIntBE(at + 5, 3);
    const body = bytes.subarray(at + 8, at + 8 + length);
    const number = (index: number) => String(body.readUInt32BE(4 * index));
    const type = bytes.readUInt16BE(at) === 0x8003 ? bytes.readUInt16BE(at + 2) : 0;
    if (type === 0)
      found.push(`data ${String(bytes.readUInt32BE(at))} ${String(bytes[at + 4])} ${String(body)}`);
    else if (type === 2) found.push(`reply ${number(0)}`);
    else if (type === 3) found.push(`rst ${number(0)} ${number(1)}`);
    else if (type === 6) found.push(`ping ${number(0)}`);
    else if (type === 7) found.push(`goaway ${number(0)} ${number(1)}`);
    else found.push(`type ${String(type)}`);
    at += 8 + length;
  }
  return found;
}

interface Peer {
  readonly socket: TLSSocket;
  /** The answer's head. */
  readonly head: string;
  /** Everything after it, once the server has closed. */
  readonly rest: Promise<Buffer>;
}

async function upgrade(query: string, versions: readonly string[], method = 'POST'): Promise<Peer> {
  const { hostname, port } = new URL(cluster.url);
  const socket = connect({ host: hostname, port: Number(port), ca: cluster.caPem });
  socket.write(
    [
      `${method} /api/v1/namespaces/default/pods/ticker/exec?${query} HTTP/1.1`,
      'Host: h',
      `Authorization: Bearer ${cluster.token}`,
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'Content-Length: 0',
      ...versions.map(version => `X-Stream-Protocol-Version: ${version}`),
      '\r\n',
    ].join('\r\n'),
  );
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(socket, 'end').then(() => {
    socket.end();
    return Buffer.concat(chunks);
  });
  while (!Buffer.concat(chunks).includes('\r\n\r\n')) await once(socket, 'data');
  const end = Buffer.concat(chunks).indexOf('\r\n\r\n') + 4;
  return {
    socket,
    head: Buffer.concat(chunks).subarray(0, end).toString(),
    rest: ended.then(bytes => bytes.subarray(end)),
  };
}

const SUCCESS = '{"metadata":{},"status":"Success"}';

describe('exec over SPDY/3.1', () => {
  test.each([
    ['v4 of a list', ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'], 'v4.channel.k8s.io'],
    ['a list in one line', ['v9.channel.k8s.io, v3.channel.k8s.io'], 'v3.channel.k8s.io'],
    ['v2', ['v2.channel.k8s.io'], 'v2.channel.k8s.io'],
    ['v1', ['channel.k8s.io'], 'channel.k8s.io'],
  ])('picks %s', async (_, offered, chosen) => {
    const peer = await upgrade('command=id&stdout=1', offered, 'GET');
    peer.socket.destroy();
    expect(peer.head).toBe(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${chosen}\r\n\r\n`,
    );
  });

  test('a session from the first stream to the last reset', async () => {
    const peer = await upgrade('command=cat&stdin=1&stdout=1', ['v4.channel.k8s.io']);
    peer.socket.write(Buffer.concat([open(1, 0), open(3, 1), open(5, 2), data(3, 'hello')]));
    // An id of the server's own parity would be the answer to a ping of its own.
    peer.socket.write(Buffer.from('800300060000000400000002800300060000000400000007', 'hex'));
    peer.socket.write(data(3, '', true));
    const seen = frames(await peer.rest);
    expect(seen.filter(frame => frame.startsWith('ping'))).toEqual(['ping 7']);
    expect(seen.filter(frame => !frame.startsWith('ping'))).toEqual([
      'reply 1',
      'reply 3',
      'reply 5',
      'data 5 0 hello',
      'data 5 1 ',
      `data 1 0 ${SUCCESS}`,
      'rst 1 5',
      'rst 3 5',
      'rst 5 5',
      'goaway 5 0',
    ]);
  });

  test('below v4 a failure is plain text', async () => {
    const peer = await upgrade('command=false&stdin=1&stdout=1', ['v2.channel.k8s.io']);
    peer.socket.write(Buffer.concat([open(1, 0), open(3, 1), open(5, 2)]));
    const seen = frames(await peer.rest);
    expect(seen).toContain('data 1 0 command terminated with non-zero exit code: exit code 1');
  });

  test('frames cut at every byte are the same frames', async () => {
    const peer = await upgrade('command=cat&stdin=1&stdout=1', ['v4.channel.k8s.io']);
    peer.socket.setNoDelay(true);
    const wire = Buffer.concat([open(1, 0), open(3, 1), open(5, 2), data(3, 'abc'), data(3, '', true)]);
    for (const byte of wire) await new Promise(resolve => peer.socket.write(Buffer.of(byte), resolve));
    const output = frames(await peer.rest).map(frame => /^data 5 \d (.*)$/.exec(frame)?.[1] ?? '');
    expect(output.join('')).toBe('abc');
  });

  test('streams are counted, not compared: a command starts without its stdout', async () => {
    const peer = await upgrade('command=sh&command=-c&command=echo+x%3B+exit+9&stdout=1', [
      'v4.channel.k8s.io',
    ]);
    // Two streams are expected, error and stdout; error and stdin make two.
    peer.socket.write(Buffer.concat([open(1, 0), open(3, 1)]));
    const seen = frames(await peer.rest);
    expect(seen.slice(0, 2)).toEqual(['reply 1', 'reply 3']);
    expect(seen.find(frame => frame.startsWith('data 1 '))).toContain('"message":"9"');
  });

  test('an id that does not grow is reset', async () => {
    const peer = await upgrade('command=true&stdin=1&stdout=1', ['v4.channel.k8s.io']);
    peer.socket.write(Buffer.concat([open(5, 0), open(3, 1), open(7, 2), open(9, 3)]));
    const seen = frames(await peer.rest);
    expect(seen.slice(0, 4)).toEqual(['reply 5', 'rst 3 1', 'reply 7', 'reply 9']);
    expect(seen).toContain(`data 5 0 ${SUCCESS}`);
  });

  test('data for a stream that is not open is reset', async () => {
    const peer = await upgrade('command=true&stdin=1&stdout=1', ['v4.channel.k8s.io']);
    peer.socket.write(Buffer.concat([data(9, 'x'), open(1, 0), open(3, 1), open(5, 2)]));
    expect(frames(await peer.rest)[0]).toBe('rst 9 2');
  });

  test('a reset of stdout does not end the command', async () => {
    const peer = await upgrade('command=sh&command=-c&command=read+x%3B+exit+3&stdin=1&stdout=1', [
      'v4.channel.k8s.io',
    ]);
    peer.socket.write(Buffer.concat([open(1, 0), open(3, 1), open(5, 2)]));
    peer.socket.write(Buffer.from('80030003000000080000000500000005', 'hex'));
    peer.socket.write(data(3, 'go\n'));
    expect(frames(await peer.rest).find(frame => frame.startsWith('data 1 '))).toContain('"message":"3"');
  });

  test('what is no SPDY ends the connection', async () => {
    const peer = await upgrade('command=sleep&command=60&stdout=1', ['v4.channel.k8s.io']);
    peer.socket.on('error', () => undefined);
    peer.socket.write(Buffer.from('800300ff0000000400000001', 'hex'));
    await once(peer.socket, 'close');
  });
});
