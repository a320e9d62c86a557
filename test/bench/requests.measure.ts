import { afterAll, beforeAll, test } from 'vitest';
import { startNginx } from './nginx.ts';
import { buildPeers, scratch } from './peer.ts';
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
let plainUpstream: Server;
let certificate: Certificate;
beforeAll(async () => {
  binary = await buildPeers();
  upstream = await startServer(binary, ['upstream', '-tls']);
  plainUpstream = await startServer(binary, ['upstream']);
  certificate = await certificateIn(scratch());
});
afterAll(async () => {
  await upstream.peer.stop();
  await plainUpstream.peer.stop();
});

/** With TLS on both sides where nothing else is said, on the measured core. Our listener is always in TLS. */
const CANDIDATES: Readonly<Record<string, () => Promise<Server | undefined>>> = {
  'no proxy': async () => upstream,
  nginx: () => startNginx(upstream, certificate),
  'Go ReverseProxy': () =>
    startServer(binary, ['forward', '-tls', '-upstream', upstream.url, '-ca', upstream.caFile], 'measured'),
  'http-proxy, stock': () => startNodePeer('stock-http-proxy', upstream, certificate),
  'undici dispatch': () => startNodePeer('undici', upstream, certificate),
  kubewitness: () => startProxy(upstream, []),
  'kubewitness, upstream without TLS': () => startProxy(plainUpstream, []),
};

test('ordinary requests', async () => {
  const results = new Map<string, Measured>();
  for (const [name, start] of Object.entries(CANDIDATES)) {
    const server = await start();
    if (server === undefined) continue;
    results.set(name, await measure(server));
    if (server !== upstream) await server.peer.stop('SIGTERM');
  }
  const stock = results.get('http-proxy, stock');
  const best = results.get('undici dispatch');
  if (stock === undefined || best === undefined) throw new Error('a candidate is missing');
  report('requests', {
    title: 'Ordinary requests',
    note: `GET of a 1 KiB object, TLS on both sides where nothing else is said, ${CONNECTIONS} connections; the median of ${ROUNDS} runs. The ratios are of processor time per request: above 1 means less of it than the other. Latency at a fixed ${RATE} requests per second, counted from when each was due. kubewitness authenticates, decides, impersonates and counts each; the others set two headers.`,
    sizing: [
      [
        'ordinary requests of 1 KiB',
        `${figure(1e6 / (results.get('kubewitness')?.cpuMicroseconds ?? Number.NaN))} per second and core`,
      ],
    ],
    columns: ['to stock http-proxy', 'to undici', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request'],
    rows: [...results].map(([name, { perSecond, p50, p99, cpuMicroseconds }]) => [
      name,
      ...[stock, best].map(to => (name === 'no proxy' ? '' : ratio(to.cpuMicroseconds, cpuMicroseconds))),
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
