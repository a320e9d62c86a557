import { unrecordedTime } from '../audit/unrecorded-time.ts';
import type { Clock } from '../clock.ts';
import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { FailOpenLedger } from '../session/fail-open-ledger.ts';

const DAY_MS = 86_400_000;

/**
 * The ledger of a process, with what this UTC day has seen before its start; the audit is open by then. An audit in a database is not asked: other
 * replicas write there too, and each has budgets of its own.
 */
export function openLedger(config: Config, clock: Clock): FailOpenLedger {
  const budgeted = grantsOf(config).flatMap(({ rule }) =>
    rule.failOpenBudget === undefined ? [] : [rule.origin],
  );
  if (budgeted.length === 0 || config.audit.file === undefined) return new FailOpenLedger({ clock });
  const today = Math.floor(clock.now() / DAY_MS) * DAY_MS;
  const spent = unrecordedTime(config.audit.file, today);
  return new FailOpenLedger({ clock, spentMs: new Map(budgeted.map(rule => [rule, spent.get(rule) ?? 0])) });
}
