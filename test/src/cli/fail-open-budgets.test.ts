import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../../src/audit/record.ts';
import { openLedger } from '../../../src/cli/fail-open-budgets.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { chainOf, ended, failure, recordOf } from '../audit/samples.ts';

const config = (file: string, budget: string) =>
  parseConfig(
    `listen: { tls: { cert: a, key: b } }
upstream: { inCluster: true }
identity: { static: [{ user: ann, token: t }] }
audit: { file: ${file} }
grants: [{ subjects: [{ user: ann }], recorderAddrs: ["r:80"]${budget} }]
`,
    'c.yaml',
  );

test('after a restart the budget of the day goes on from what the audit tells', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kubewitness-budget-')), 'audit.jsonl');
  const lines = chainOf([failure, ended]);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { time }: AuditRecord = recordOf(lines[1] ?? '');
  const clock = { now: () => Date.parse(time) + 1_000, monotonic: () => 0 };
  const budgets = [{ rule: 'grants[0]', secondsPerDay: 1 }];
  const ledger = openLedger(config(file, ', failOpenBudget: { secondsPerDay: 1 }'), clock);
  expect(ledger.secondsToday()).toEqual(new Map([['grants[0]', 1]]));
  expect(ledger.spent(budgets)).toMatchObject({ used: 1 });

  const tomorrow = { ...clock, now: () => Date.parse(time) + 86_400_000 };
  const next = openLedger(config(file, ', failOpenBudget: { secondsPerDay: 1 }'), tomorrow);
  expect(next.spent(budgets)).toBeUndefined();
  expect(openLedger(config(file, ''), clock).secondsToday().size).toBe(0);
});
