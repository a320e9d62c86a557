import type { AddressInfo, Server } from 'node:net';

/** Listens, or rejects with one line that names the address. Port 0 takes a free one. */
export function listen(server: Server, address: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const where = `cannot listen on ${address}:${port}`;
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(
        new Error(`${where}: ${error.code === 'EADDRINUSE' ? 'the port is in use' : error.message}`, {
          cause: error,
        }),
      );
    server.once('error', onError);
    server.listen(port, address, () => {
      server.off('error', onError);
      const bound = server.address();
      if (bound === null || typeof bound === 'string') reject(new Error(where));
      else resolve(bound);
    });
  });
}
