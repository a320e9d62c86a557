import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.close());

const EXEC = '/api/v1/namespaces/default/pods/ticker/exec';

function query(command: readonly string[], ...flags: string[]): string {
  return [
    ...command.map(word => `command=${encodeURIComponent(word)}`),
    ...flags.map(flag => `${flag}=true`),
  ].join('&');
}

/** Opens a session and remembers every message as it came. */
async function open(path: string, protocols: string[]) {
  const socket = new WebSocket(cluster.url + path, protocols, {
    ca: cluster.caPem,
    headers: { Authorization: `Bearer ${cluster.token}` },
  });
  const messages: { bytes: Buffer; binary: boolean }[] = [];
  socket.on('message', (data, binary) => messages.push({ bytes: Buffer.from(data as Buffer), binary })); // nodebuffer is the default binaryType
  await once(socket, 'open');
  return { socket, messages, closed: once(socket, 'close') };
}

/** Bytes of one channel, put together. */
function channel(messages: readonly { bytes: Buffer }[], number: number, base64 = false): string {
  return messages
    .filter(({ bytes }) => bytes[0] === (base64 ? 0x30 + number : number))
    .map(({ bytes }) =>
      (base64 ? Buffer.from(bytes.subarray(1).toString(), 'base64') : bytes.subarray(1)).toString(),
    )
    .join('');
}

const SUCCESS = '{"metadata":{},"status":"Success"}';

describe('exec over WebSocket', () => {
  test.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])('%s: output, Status, close 1000', async protocol => {
    const command = ['sh', '-c', 'echo out; echo err >&2'];
    const { socket, messages, closed } = await open(`${EXEC}?${query(command, 'stdout', 'stderr')}`, [
      protocol,
    ]);
    expect(socket.protocol).toBe(protocol);
    expect((await closed)[0]).toBe(1_000);
    expect(messages[0]).toEqual({ bytes: Buffer.of(1), binary: true });
    expect(messages.every(({ binary }) => binary)).toBe(true);
    expect(channel(messages, 1)).toBe('out\n');
    expect(channel(messages, 2)).toBe('err\n');
    expect(channel(messages, 3)).toBe(SUCCESS);
    expect(messages.at(-1)?.bytes[0]).toBe(3);
  });

  test.each([
    ['v4.base64.channel.k8s.io', SUCCESS],
    ['base64.channel.k8s.io', ''],
  ])('%s: text messages', async (protocol, status) => {
    const { messages, closed } = await open(`${EXEC}?${query(['echo', 'hi'], 'stdout')}`, [protocol]);
    await closed;
    expect(messages[0]).toEqual({ bytes: Buffer.from('1'), binary: false });
    expect(messages.some(({ binary }) => binary)).toBe(false);
    expect(channel(messages, 1, true)).toBe('hi\n');
    expect(channel(messages, 3, true)).toBe(status);
  });

  test('channel.k8s.io: a failure is plain text', async () => {
    const { messages, closed } = await open(`${EXEC}?${query(['sh', '-c', 'exit 3'], 'stdout')}`, [
      'channel.k8s.io',
    ]);
    await closed;
    expect(channel(messages, 3)).toBe('command terminated with non-zero exit code: exit code 3');
  });

  test('the first message is on the lowest channel asked for', async () => {
    const { messages, closed } = await open(`${EXEC}?${query(['true'], 'stderr')}`, ['v4.channel.k8s.io']);
    await closed;
    expect(messages[0]?.bytes).toEqual(Buffer.of(2));
  });

  test('v5: the close signal ends stdin, and all output still comes', async () => {
    const { socket, messages, closed } = await open(`${EXEC}?${query(['wc', '-c'], 'stdin', 'stdout')}`, [
      'v5.channel.k8s.io',
    ]);
    for (let piece = 0; piece < 64; piece++)
      socket.send(Buffer.concat([Buffer.of(0), Buffer.alloc(32_768, 0x61)]));
    socket.send(Buffer.of(255, 0));
    await closed;
    expect(channel(messages, 1).trim()).toBe(String(64 * 32_768));
    expect(channel(messages, 3)).toBe(SUCCESS);
  });

  test('v5: a close signal of the wrong length ends the session', async () => {
    const { socket, messages, closed } = await open(`${EXEC}?${query(['cat'], 'stdin', 'stdout')}`, [
      'v5.channel.k8s.io',
    ]);
    socket.send(Buffer.of(255, 0, 0));
    await closed;
    expect(channel(messages, 3)).toBe('');
  });

  test('v4: channel 255, unknown channels and empty messages mean nothing; text messages are taken', async () => {
    const { socket, messages, closed } = await open(`${EXEC}?${query(['head', '-n1'], 'stdin', 'stdout')}`, [
      'v4.channel.k8s.io',
    ]);
    for (const message of [Buffer.of(255, 0), Buffer.of(9, 65), Buffer.alloc(0), Buffer.of(0)])
      socket.send(message);
    socket.send('\0text\n');
    await closed;
    expect(channel(messages, 1)).toBe('text\n');
  });

  test('messages hold no more than 32 KiB', async () => {
    const { messages, closed } = await open(
      `${EXEC}?${query(['head', '-c', '1000000', '/dev/zero'], 'stdout')}`,
      ['v5.channel.k8s.io'],
    );
    await closed;
    expect(channel(messages, 1)).toHaveLength(1_000_000);
    expect(Math.max(...messages.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(32_769);
  });

  test('a terminal has the size that was sent, and stderr is in stdout', async () => {
    const path = `${EXEC}?${query(['sh', '-c', 'stty size; echo err >&2; tty'], 'stdin', 'stdout', 'stderr', 'tty')}`;
    const { socket, messages, closed } = await open(path, ['v4.channel.k8s.io']);
    socket.send(Buffer.concat([Buffer.of(4), Buffer.from('{"Width":91,"Height":17}\n')]));
    await closed;
    expect(channel(messages, 1)).toMatch(/^17 91\r\nerr\r\n\/dev\//);
    expect(channel(messages, 2)).toBe('');
  });

  test('a resize reaches a running program', async () => {
    const path = `${EXEC}?${query(['sh', '-c', 'echo ready; while read line; do stty size; done'], 'stdin', 'stdout', 'tty')}`;
    const { socket, messages } = await open(path, ['v5.channel.k8s.io']);
    const hears = async (words: string) => {
      while (!channel(messages, 1).includes(words)) await once(socket, 'message');
    };
    await hears('ready');
    socket.send(Buffer.concat([Buffer.of(4), Buffer.from('{"Width":33,"Height":44}')]));
    socket.send(Buffer.from('\0\n'));
    await hears('44 33');
    socket.close();
  });

  test('input that a terminal does not take holds up this session alone', async () => {
    const path = `${EXEC}?${query(['sh', '-c', 'stty raw -echo; echo ready; exec sleep 60'], 'stdin', 'stdout', 'tty')}`;
    const { socket, messages } = await open(path, ['v5.channel.k8s.io']);
    while (!channel(messages, 1).includes('ready')) await once(socket, 'message');
    socket.send(Buffer.concat([Buffer.of(0), Buffer.alloc(1_000_000, 0x61)]));
    const other = await open(`${EXEC}?${query(['echo', 'alive'], 'stdout')}`, ['v5.channel.k8s.io']);
    await other.closed;
    expect(channel(other.messages, 1)).toBe('alive\n');
    socket.terminate();
  });

  test('all output of a terminal comes, however slowly it is read', async () => {
    const { socket, messages, closed } = await open(
      `${EXEC}?${query(['seq', '300000'], 'stdin', 'stdout', 'tty')}`,
      ['v5.channel.k8s.io'],
    );
    socket.pause();
    // While nothing is read, another session runs from beginning to end.
    const other = await open(`${EXEC}?${query(['sleep', '0.4'], 'stdout')}`, ['v5.channel.k8s.io']);
    await other.closed;
    socket.resume();
    await closed;
    const lines = channel(messages, 1).split('\r\n');
    expect(lines).toHaveLength(300_001);
    expect(lines.at(-2)).toBe('300000');
  });
});

describe('attach over WebSocket', () => {
  test('the log of a program is followed, and leaving does not end it', async () => {
    for (let round = 0; round < 2; round++) {
      const { socket, messages } = await open('/api/v1/namespaces/default/pods/ticker/attach?stdout=1', [
        'v4.channel.k8s.io',
      ]);
      while (!/tick \d+\n/.test(channel(messages, 1))) await once(socket, 'message');
      socket.close();
    }
  });

  test('ends with Success when the program ends, which is then started anew', async () => {
    const path = '/api/v1/namespaces/default/pods/shell/attach?stdin=1&stdout=1&tty=1';
    for (let round = 0; round < 2; round++) {
      const { socket, messages, closed } = await open(path, ['v5.channel.k8s.io']);
      socket.send(Buffer.from('\0exit 5\n'));
      await closed;
      expect(channel(messages, 3)).toBe(SUCCESS);
    }
  });
});

/** The raw answer to a request, up to the end of the connection or `until`. */
async function raw(lines: readonly string[], until?: string): Promise<string> {
  const { hostname, port } = new URL(cluster.url);
  const socket = connect({ host: hostname, port: Number(port), ca: cluster.caPem });
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) {
    answer += String(chunk);
    if (until !== undefined && answer.includes(until)) break;
  }
  socket.destroy();
  return answer;
}

function handshake(path: string, ...more: string[]): string[] {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: h',
    `Authorization: Bearer ${cluster.token}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...more,
  ];
}

describe('upgrades that are refused', () => {
  const V4 = 'Sec-WebSocket-Protocol: v4.channel.k8s.io';

  test.each([
    ['missing pod', '/api/v1/namespaces/default/pods/none/exec?command=id&stdout=1', 404],
    ['unknown container', `${EXEC}?command=id&stdout=1&container=none`, 400],
    ['container not named', '/api/v1/namespaces/default/pods/two/exec?command=id&stdout=1', 400],
    ['no streams', `${EXEC}?command=id`, 400],
    ['no command', `${EXEC}?stdout=1`, 400],
    ['dry run', `${EXEC}?command=id&stdout=1&dryRun=All`, 400],
    ['an unknown resource', '/api/v1/nodes/n/proxy/run', 404],
  ])('%s', async (_, path, code) => {
    const answer = await raw(handshake(path, V4));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${String(code)} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ kind: 'Status', code });
  });

  test('without the token', async () => {
    const lines = handshake(`${EXEC}?command=id&stdout=1`, V4).filter(
      line => !line.startsWith('Authorization'),
    );
    expect(await raw(lines)).toMatch(/^HTTP\/1.1 401 /);
  });

  test('no subprotocol in common: a bare 403', async () => {
    const answer = await raw(
      handshake(`${EXEC}?command=id&stdout=1`, 'Sec-WebSocket-Protocol: v3.channel.k8s.io'),
    );
    expect(answer).toBe('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  });

  test('only the first line of subprotocols counts', async () => {
    const answer = await raw(
      handshake(`${EXEC}?command=id&stdout=1`, V4, 'Sec-WebSocket-Protocol: v5.channel.k8s.io'),
      '\r\n\r\n',
    );
    expect(answer).toContain('Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n');
  });

  test('no subprotocol at all is answered with an empty one', async () => {
    const answer = await raw(handshake(`${EXEC}?command=id&stdout=1`), '\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: ?\r\n/s);
  });

  test.each([
    ['no version', [], 400],
    ['no version in common', ['X-Stream-Protocol-Version: v9.channel.k8s.io'], 403],
  ])('SPDY, %s', async (_, more, code) => {
    const lines = [
      `POST ${EXEC}?command=id&stdout=1 HTTP/1.1`,
      'Host: h',
      `Authorization: Bearer ${cluster.token}`,
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'Content-Length: 0',
      ...more,
    ];
    expect(await raw(lines)).toMatch(new RegExp(`^HTTP/1.1 ${String(code)} `));
  });
});
