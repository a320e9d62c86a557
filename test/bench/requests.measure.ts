import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { until } from '../support/try-cluster.ts';
import { buildPeers, hasNginx, Peer, scratch } from './peer.ts';
import {
  type Certificate,
  certificateIn,
  load,
  median,
  type Server,
  startNodePeer,
  startProxy,
  startServer,
  TOKENS,
} from './proxy.ts';
import { figure, ratio, report } from './results.ts';

const CONNECTIONS = '32';
const RATE = '1000';
const ROUNDS = 3;

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMicroseconds: number;
}

let binary: string;
let upstream: Server;
let certificate: Certificate;
beforeAll(async () => {
  binary = await buildPeers();
  upstream = await startServer(binary, ['upstream', '-tls']);
  certificate = await certificateIn(scratch());
});
afterAll(() => upstream.peer.stop());

/** Each of them with TLS on both sides, on the measured core. */
const CANDIDATES: Readonly<Record<string, () => Promise<Server | undefined>>> = {
  'no proxy': async () => upstream,
  nginx: async () => (hasNginx ? startNginx() : undefined),
  'Go ReverseProxy': () =>
    startServer(binary, ['forward', '-tls', '-upstream', upstream.url, '-ca', upstream.caFile], 'measured'),
  'http-proxy, stock': () => startNodePeer('stock-http-proxy', upstream, certificate),
  'undici dispatch': () => startNodePeer('undici', upstream, certificate),
  kubewitness: () => startProxy(upstream, []),
};

test('ordinary requests', async () => {
  const results = new Map<string, Measured>();
  for (const [name, start] of Object.entries(CANDIDATES)) {
    const server = await start();
    if (server === undefined) continue;
    results.set(name, await measure(server));
    if (server !== upstream) await server.peer.stop('SIGTERM');
  }
  const direct = results.get('no proxy');
  const stock = results.get('http-proxy, stock');
  const best = results.get('undici dispatch');
  if (direct === undefined || stock === undefined || best === undefined)
    throw new Error('a candidate is missing');
  report('requests', {
    title: 'Ordinary requests',
    note: `GET of a 1 KiB object, TLS on both sides, ${CONNECTIONS} connections; the median of ${ROUNDS} runs. Latency at a fixed ${RATE} requests per second, counted from when each was due. kubewitness authenticates, decides, impersonates and counts each; the others set two headers.`,
    columns: ['to stock http-proxy', 'to undici', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request'],
    rows: [...results].map(([name, { perSecond, p50, p99, cpuMicroseconds }]) => [
      name,
      ratio(perSecond, stock.perSecond),
      ratio(perSecond, best.perSecond),
      figure(perSecond),
      figure(p50),
      figure(p99),
      name === 'no proxy' ? '' : figure(cpuMicroseconds),
    ]),
  });
});

async function measure(server: Server): Promise<Measured> {
  const ask = (more: readonly string[]) =>
    load<{ perSecond: number; count: number; latencyMs: { p50: number; p99: number } }>(
      binary,
      ['requests', '-connections', CONNECTIONS, ...more],
      server,
      TOKENS.passed,
    );
  await ask(['-duration', '2s']);
  const rounds: { perSecond: number; cpuMicroseconds: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = server.peer.cpuSeconds();
    const { perSecond, count } = await ask(['-duration', '4s', '-warm-up', '0s']);
    rounds.push({ perSecond, cpuMicroseconds: ((server.peer.cpuSeconds() - before) * 1e6) / count });
  }
  const { latencyMs } = await ask(['-duration', '5s', '-rate', RATE]);
  return { ...median(rounds, round => round.perSecond), ...latencyMs };
}

/** One worker, as the others have one. */
async function startNginx(): Promise<Server> {
  const dir = scratch();
  const { ca, cert, key } = certificate;
  const port = 20_000 + (process.pid % 20_000);
  writeFileSync(
    join(dir, 'nginx.conf'),
    `daemon off; master_process off; pid ${dir}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream api { server ${new URL(upstream.url).host}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; keepalive_requests 1000000000;
    location / {
      proxy_pass https://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization "Bearer proxy";
      proxy_set_header Impersonate-User ann; proxy_ssl_trusted_certificate ${upstream.caFile}; proxy_ssl_verify on; proxy_ssl_name localhost;
      proxy_ssl_session_reuse on;
    }
  }
}
`,
  );
  const peer = new Peer('measured', ['/usr/sbin/nginx', '-c', join(dir, 'nginx.conf'), '-p', dir]);
  await until(
    () =>
      new Promise(resolve => {
        const socket = connect(port, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
      }),
  );
  return { url: `https://127.0.0.1:${port}`, caFile: ca, peer };
}
