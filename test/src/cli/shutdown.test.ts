import { expect, test } from 'vitest';
import { shutdownMs } from '../../../src/cli/shutdown.ts';
import { parseConfig } from '../../../src/config/parse.ts';

const config = (changes: object) =>
  parseConfig(
    JSON.stringify({
      listen: { tls: { cert: 'c', key: 'k' } },
      upstream: { inCluster: true },
      identity: { static: [{ user: 'ann', token: 't' }] },
      audit: { file: 'a' },
      ...changes,
    }),
    'proxy.yaml',
  );

test.each([
  ['by default', {}, 70_000],
  ['by an hour for sessions', { sessions: { drainMs: 3_600_000 } }, 3_640_000],
  ['by a delay above all else', { shutdown: { delayMs: 90_000 } }, 95_000],
  [
    'by a quick recorder',
    { sessions: { drainMs: 0 }, recording: { finalAnswerMs: 0 }, shutdown: { delayMs: 0 } },
    10_000,
  ],
])('the longest shutdown, %s', (_what, changes, ms) => {
  expect(shutdownMs(config(changes))).toBe(ms);
});
