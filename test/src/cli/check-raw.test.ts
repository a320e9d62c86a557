import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:net';
import { createServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askRaw } from '../../../src/cli/check-raw.ts';
import { createCertificates } from '../../../src/sandbox/certificate.ts';
import type { RawConnection } from '../upstream/raw.ts';
import { rawServer } from '../upstream/raw.ts';

const request = { method: 'GET', target: '/a/../b#c', lines: ['Upgrade: x', 'Upgrade: y'] };

async function ask(script: (connection: RawConnection) => Promise<void> | void, limitMs = 5_000) {
  const { caPem, certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  const server = await rawServer(script, createServer({ cert: certPem, key: keyPem }));
  onTestFinished(() => server.close());
  return askRaw({ host: '127.0.0.1', port: server.port, ca: caPem, token: 't' }, request, limitMs);
}

describe('a raw request', () => {
  test('goes out as it stands, and gives the head of the answer', async () => {
    let sent: string[] = [];
    const answer = await ask(async connection => {
      sent = await connection.head();
      connection.write('HTTP/1.1 101 Switching\r\nA: 1\r\n\r\nmore');
    });
    expect(sent).toEqual([
      'GET /a/../b#c HTTP/1.1',
      'Host: 127.0.0.1',
      'Authorization: Bearer t',
      'Upgrade: x',
      'Upgrade: y',
    ]);
    expect(answer).toEqual({ kind: 'answered', status: 101, lines: ['A: 1'] });
  });

  test.each<[string, (connection: RawConnection) => unknown]>([
    ['nothing and a close', connection => connection.socket.end()],
    ['no HTTP', connection => connection.write('SSH-2.0-x\r\n\r\n')],
    ['a head without an end', connection => connection.write('x'.repeat(70_000))],
  ])('%s is no answer', async (_name, act) => {
    const answer = await ask(async connection => {
      await connection.head();
      act(connection);
    });
    expect(answer).toEqual({ kind: 'closed' });
  });

  test('silence ends by the limit', async () => {
    expect(await ask(connection => connection.left, 300)).toEqual({ kind: 'silent' });
  });

  test('where nobody listens, the address is told', async () => {
    const server = createPlainServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    server.close();
    await once(server, 'close');
    const endpoint = { host: '127.0.0.1', port: address.port, ca: '', token: 't' };
    await expect(askRaw(endpoint, request, 5_000)).rejects.toThrow(`cannot reach 127.0.0.1:${address.port}`);
  });
});
