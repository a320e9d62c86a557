import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { startRig } from './rig.ts';

async function greet(port: number): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return socket;
}

test('a renewed certificate is shown to the next connection, and a connection that lives keeps living', async () => {
  const { server } = await startRig();
  const before = await greet(server.port);
  const { certPem: cert, keyPem: key } = await createCertificates(['localhost'], ['127.0.0.1']);
  server.setTls({ cert, key });
  const after = await greet(server.port);
  const shown = (socket: TLSSocket) => socket.getPeerCertificate().fingerprint256;
  expect(shown(after)).not.toBe(shown(before));
  expect(shown(after)).toBe(new X509Certificate(cert).fingerprint256);

  const answered = once(before, 'data');
  before.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 401 /);
  before.destroy();
  after.destroy();
});
