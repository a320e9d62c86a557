// The fastest way of Node to forward that is known: undici's dispatch, handing chunks on as they come, in TLS.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Pool } from 'undici';

const [target = '', ca = '', cert = '', key = ''] = process.argv.slice(2);
const pool = new Pool(target, {
  connections: 64,
  connect: { ca: readFileSync(ca) },
  headersTimeout: 0,
  bodyTimeout: 0,
});
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: 'GET',
      headers: { accept: request.headers.accept, authorization: 'Bearer proxy', 'impersonate-user': 'ann' },
    },
    {
      onConnect: () => {},
      onHeaders: (status, headers) => {
        response.writeHead(status, headers.map(String));
        return true;
      },
      onData: chunk => response.write(chunk),
      onComplete: () => response.end(),
      onError: () => response.destroy(),
    },
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}` })}\n`);
});
process.stdin.resume().on('end', () => process.exit());
