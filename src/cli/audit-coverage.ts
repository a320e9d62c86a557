import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Coverage } from '../audit/coverage.ts';
import { CoverageCount } from '../audit/coverage.ts';
import type { KubeSession } from '../audit/kube-audit.ts';
import { BypassedSessions } from '../audit/kube-audit.ts';
import { OUTCOMES } from '../audit/schema.ts';
import { printLines } from './audit-print.ts';
import type { SourceOptions } from './audit-source.ts';
import { withAudit } from './audit-source.ts';
import { table } from './audit-table.ts';

interface CoverageOptions extends SourceOptions {
  readonly against?: string;
  readonly json?: true;
}

type Against = ReturnType<BypassedSessions['result']>;

/** `audit coverage`. Throws, for the exit code, when sums disagree or a session never came through here. */
export function auditCoverage({ against, json, ...source }: CoverageOptions): Promise<void> {
  return withAudit(source, async reader => {
    const count = new CoverageCount();
    for await (const { record } of reader.records()) count.see(record);
    const coverage = count.result();
    const compared = against === undefined ? undefined : await compare(against, count);
    await printLines(
      json === true ? [JSON.stringify({ ...coverage, against: compared })] : linesOf(coverage, compared),
    );
    const problems =
      coverage.contradictions.length + (compared?.bypassed.length ?? 0) + (compared?.unreadable ?? 0);
    if (problems > 0) throw new Error(`the audit does not cover everything: ${problems} to look at`);
  });
}

async function compare(file: string, count: CoverageCount): Promise<Against> {
  const bypassed = new BypassedSessions(auditId => count.knows(auditId));
  for await (const line of createInterface({ input: createReadStream(file) })) bypassed.line(line);
  return bypassed.result();
}

function linesOf({ days, contradictions }: Coverage, against: Against | undefined): string[] {
  const headings = ['DAY', 'REQUESTS', ...OUTCOMES.map(outcome => outcome.toUpperCase()), 'LIVE'];
  return [
    ...table(
      headings,
      days.map(({ day, requests, outcomes, live }) =>
        [day, requests, ...OUTCOMES.map(outcome => outcomes[outcome]), live].map(String),
      ),
    ),
    ...contradictions,
    ...(against === undefined ? [] : againstLines(against)),
  ];
}

function againstLines({ sessions, bypassed, unreadable }: Against): string[] {
  return [
    '',
    `${sessions} sessions in the Kubernetes audit log, ${bypassed.length} of them never came through here`,
    ...(unreadable === 0 ? [] : [`${unreadable} of its lines are no audit events`]),
    ...(bypassed.length === 0
      ? []
      : table(['TIME', 'AUDIT ID', 'KIND', 'USER', 'POD', 'FROM', 'USER AGENT'], bypassed.map(bypassedRow))),
  ];
}

function bypassedRow(session: KubeSession): string[] {
  const { time, auditId, subresource, user, impersonatedBy, namespace, pod, sourceIps, userAgent } = session;
  const who = impersonatedBy === undefined ? user : `${user} (by ${impersonatedBy})`;
  return [time, auditId, subresource, who, `${namespace}/${pod}`, sourceIps.join(', '), userAgent];
}
