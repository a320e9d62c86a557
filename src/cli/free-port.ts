import { createServer } from 'node:net';
import { listen } from '../listen.ts';

/** A port that was free a moment ago. Rejects when the address cannot be listened on. */
export async function freePort(address: string): Promise<number> {
  const server = createServer();
  const { port } = await listen(server, address, 0);
  await new Promise<void>(closed => server.close(() => closed()));
  return port;
}
