import type { Upstream } from '../../../src/upstream/target.ts';

/** An upstream without TLS on this machine. */
export function plainUpstream(port: number, overrides: Partial<Upstream> = {}): Upstream {
  return {
    mode: 'auth',
    host: '127.0.0.1',
    port,
    secure: false,
    marksRequests: false,
    pathPrefix: '',
    hostHeader: `127.0.0.1:${port}`,
    tlsOptions: () => ({
      ca: undefined,
      cert: undefined,
      key: undefined,
      servername: undefined,
      rejectUnauthorized: true,
    }),
    authorization: () => 'Bearer proxy-token',
    ...overrides,
  };
}
