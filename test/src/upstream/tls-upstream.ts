import type { Server, TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import { generate } from 'selfsigned';

const KEY = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

export interface Authority {
  readonly caPem: string;
  issue(name: string): Promise<{ readonly cert: string; readonly key: string }>;
}

export async function authority(): Promise<Authority> {
  const ca = await generate([{ name: 'commonName', value: 'test authority' }], {
    ...KEY,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return {
    caPem: ca.cert,
    issue: async name => {
      const leaf = await generate([{ name: 'commonName', value: name }], {
        ...KEY,
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
        ],
      });
      return { cert: leaf.cert, key: leaf.private };
    },
  };
}

/** A TLS server that takes only clients of this authority. It holds a certificate for `name` alone. */
export async function tlsServer(name: string, { caPem, issue }: Authority): Promise<Server> {
  const server = createServer({
    ...(await issue(name)),
    ca: caPem,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2', 'http/1.1'],
    allowHalfOpen: true,
  });
  server.on('tlsClientError', () => {});
  return server;
}

/** Whom the server sees, what it was called, and which protocol was agreed on. */
export function seenBy(socket: TLSSocket) {
  return {
    client: socket.getPeerCertificate().subject?.CN,
    servername: 'servername' in socket ? socket.servername : undefined,
    protocol: socket.alpnProtocol,
  };
}
