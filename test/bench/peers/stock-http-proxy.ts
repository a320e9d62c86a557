// http-proxy as its documentation shows it, with the keep-alive agent that it needs to be worth comparing, in TLS.
import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:https';
import httpProxy from 'http-proxy';

const [target = '', ca = '', cert = '', key = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, ca: readFileSync(ca) });
const headers = { authorization: 'Bearer proxy', 'impersonate-user': 'ann' };
const proxy = httpProxy.createProxyServer({ target, agent, headers });
proxy.on('error', (_error, _request, response) => response.destroy());
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) =>
  proxy.web(request, response),
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}` })}\n`);
});
process.stdin.resume().on('end', () => process.exit());
