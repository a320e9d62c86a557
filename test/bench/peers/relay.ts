// Two sockets joined by pipe, in TLS: what any relay in Node costs that looks at nothing.
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

const [target = '', ca = '', cert = '', key = ''] = process.argv.slice(2);
const { hostname, port } = new URL(target);
const authority = readFileSync(ca);
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, client => {
  const upstream = connect({ host: hostname, port: Number(port), ca: authority });
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}` })}\n`);
});
process.stdin.resume().on('end', () => process.exit());
