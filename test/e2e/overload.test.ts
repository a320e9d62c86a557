import { get } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { startProxyProcess, TOKENS } from '../support/process-group.ts';

test('an overload is answered with 429, and the process stays live and ready', async () => {
  const proxy = await startProxyProcess([], {
    limits: { requests: 2 },
    grants: [{ subjects: [{ user: 'ann' }] }],
  });
  onTestFinished(() => proxy.stop());
  const ask = (): Promise<string> =>
    new Promise((resolve, reject) => {
      get(
        `${proxy.url}/api/v1/pods`,
        { ca: proxy.caPem, agent: false, headers: { authorization: `Bearer ${TOKENS.open}` } },
        response => {
          response.resume();
          resolve(`${response.statusCode} ${response.headers['retry-after'] ?? '-'}`);
        },
      ).on('error', reject);
    });
  const probes: number[] = [];
  const load = Array.from({ length: 10 }, async () => {
    const answers = [];
    for (let round = 0; round < 20; round++) answers.push(...(await Promise.all([ask(), ask()])));
    return answers;
  });
  for (let at = 0; at < 20; at++) {
    for (const path of ['/livez', '/readyz']) probes.push((await fetch(`${proxy.admin}${path}`)).status);
  }
  const answers = (await Promise.all(load)).flat();
  expect(new Set(answers)).toEqual(new Set(['200 -', '429 1']));
  expect(new Set(probes)).toEqual(new Set([200]));
  const metrics = await (await fetch(`${proxy.admin}/metrics`)).text();
  const refused = answers.filter(answer => answer.startsWith('429')).length;
  expect(metrics).toContain(`kubewitness_requests_refused_total{code="KW_OVERLOADED"} ${refused}`);
});
