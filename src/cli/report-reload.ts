import type { AuditSink } from '../audit/record.ts';
import type { Logger } from '../log.ts';
import type { ReloadReport } from './live-config.ts';

const WORDS = {
  applied: 'configuration applied',
  unchanged: 'configuration unchanged',
  refused: 'configuration refused; the one before stays in force',
  needsRestart: 'configuration needs a restart; the one before stays in force',
} as const;

/** Says in the log and in the audit what came of a reload; the metrics hear of it by the audit. */
export function reportReload(
  report: ReloadReport,
  { log, audit }: { readonly log: Logger; readonly audit: Pick<AuditSink, 'write'> },
): void {
  const { outcome, sha256, ...facts } = report;
  const known = sha256 === undefined ? {} : { sha256 };
  const applied = outcome === 'applied' || outcome === 'unchanged';
  log[applied ? 'info' : 'warn']({ outcome, ...facts, ...known }, WORDS[outcome]);
  if (outcome === 'unchanged') return;
  audit.write({ type: 'config.changed', ...facts, ...known, applied, outcome });
}
