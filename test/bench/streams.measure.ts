import { test } from 'vitest';
import { scratch } from './peer.ts';
import {
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
import { withStand } from './stand.ts';

const FRAMES = [256, 1024, 16 * 1024, 64 * 1024];
const ROUNDS = 3;
/** Small frames cost more each; a run is to take seconds, not minutes. */
const bytesOf = (frame: number): number => Math.min(96 * 1024 * 1024, frame * 64 * 1024);

interface Measured {
  readonly megabytesPerSecond: number;
  /** Of the proxy alone, so that load on the other core does not count. */
  readonly perCpuSecond: number;
}

const stand = withStand();

test('output of a session', async () => {
  const { binary, upstream, recorder } = stand();
  const certificate = await certificateIn(scratch());
  const ours = await startProxy(upstream, [recorder]);
  const relay = await startNodePeer('relay', upstream, certificate);
  const forward = ['-tls', '-upstream', upstream.url, '-ca', upstream.caFile];
  const candidates: readonly (readonly [string, Server, string])[] = [
    ['no proxy', upstream, TOKENS.passed],
    ['plain relay (Node, pipe)', relay, TOKENS.passed],
    ['Go ReverseProxy', await startServer(binary, ['forward', ...forward], 'measured'), TOKENS.passed],
    [
      'the reference, recorded',
      await startServer(binary, ['reference', ...forward, '-recorder', recorder], 'measured'),
      TOKENS.passed,
    ],
    ['kubewitness, not recorded', ours, TOKENS.passed],
    ['kubewitness, recorded', ours, TOKENS.recorded],
  ];
  const results = new Map<string, Measured[]>();
  for (const [name, server, token] of candidates) {
    const row: Measured[] = [];
    for (const frame of FRAMES) row.push(await measure(server, token, frame));
    results.set(name, row);
  }
  for (const [, server] of candidates) await server.peer.stop(server === upstream ? undefined : 'SIGTERM');
  const at = (name: string, index: number): number => results.get(name)?.[index]?.perCpuSecond ?? Number.NaN;
  report('streams', {
    title: 'Output of a session',
    note: `One exec session by WebSocket v5, TLS on both sides, by size of the frames: MB per second of the proxy's processor, then MB per second of the clock; the median of ${ROUNDS} runs. "The reference" is Go's ReverseProxy with the recording code of Tailscale's proxy (tailscale.com 1.102.5).`,
    columns: FRAMES.map(frame => `${frame} B`),
    sizing: [
      [
        'recorded output, 16 KiB frames',
        `${figure(at('kubewitness, recorded', FRAMES.indexOf(16 * 1024)))} MB per second and core`,
      ],
    ],
    rows: [
      [
        'recorded, to the same without recording',
        ...FRAMES.map((_, index) =>
          ratio(at('kubewitness, recorded', index), at('kubewitness, not recorded', index)),
        ),
      ],
      [
        'recorded, to the reference recorded',
        ...FRAMES.map((_, index) =>
          ratio(at('kubewitness, recorded', index), at('the reference, recorded', index)),
        ),
      ],
      ...[...results].map(
        ([name, row]) =>
          [
            name,
            ...row.map(({ perCpuSecond, megabytesPerSecond }) =>
              name === 'no proxy'
                ? figure(megabytesPerSecond)
                : `${figure(perCpuSecond)} / ${figure(megabytesPerSecond)}`,
            ),
          ] as const,
      ),
    ],
  });
});

async function measure(server: Server, token: string, frame: number): Promise<Measured> {
  const { binary } = stand();
  const rounds: Measured[] = [];
  const args = ['stream', '-frame', String(frame), '-bytes', String(bytesOf(frame))];
  for (let round = 0; round < ROUNDS; round++) {
    const before = server.peer.cpuSeconds();
    const { bytes, megabytesPerSecond } = await load<{ bytes: number; megabytesPerSecond: number }>(
      binary,
      args,
      server,
      token,
    );
    rounds.push({ megabytesPerSecond, perCpuSecond: bytes / 1e6 / (server.peer.cpuSeconds() - before) });
  }
  return median(rounds, round => round.perCpuSecond);
}
