import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EXAMPLES, object } from '../support/chart.ts';
import { kubewitness } from '../support/try-cluster.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubewitness-chart-'));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([undefined, ...EXAMPLES])(
  'the program takes the configuration that the chart renders with the values %s',
  async example => {
    const { data } = await object('ConfigMap', example === undefined ? {} : { example });
    const file = join(dir, `${example}.yaml`);
    writeFileSync(file, data['proxy.yaml']);
    const { code, stdout, stderr } = await kubewitness(['check', '--config', file]);
    expect({ code, stderr, stdout: stdout.toString() }).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^.*: the configuration is good\n/),
    });
  },
);
