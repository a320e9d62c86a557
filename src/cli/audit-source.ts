import { readFileSync } from 'node:fs';
import type { AuditFilter } from '../audit/filter.ts';
import { openJsonlReader } from '../audit/jsonl-reader.ts';
import { openPostgresReader } from '../audit/postgres/reader.ts';
import type { AuditReader } from '../audit/reader.ts';

export interface SourceOptions {
  readonly file?: string;
  readonly postgres?: true;
  readonly postgresFile?: string;
}

export interface FilterOptions extends Omit<AuditFilter, 'since' | 'until'> {
  readonly since?: string;
  readonly until?: string;
}

const URL_VARIABLE = 'KUBEWITNESS_AUDIT_POSTGRES';
const AGO = /^(\d+)([smhd])$/;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Opens the audit that the options name, lets `use` read it, and closes it. A URL never stands on the command line. */
export async function withAudit(
  options: SourceOptions,
  use: (reader: AuditReader) => Promise<void>,
): Promise<void> {
  const reader = await openAudit(options);
  try {
    await use(reader);
  } finally {
    await reader.close();
  }
}

async function openAudit({ file, postgres, postgresFile }: SourceOptions): Promise<AuditReader> {
  if ([file, postgres, postgresFile].filter(way => way !== undefined).length !== 1) {
    throw new Error('say where the audit is: --file <file>, --postgres or --postgres-file <file>');
  }
  if (file !== undefined) return openJsonlReader(file);
  const url =
    postgresFile === undefined ? process.env[URL_VARIABLE] : readFileSync(postgresFile, 'utf8').trim();
  if (url === undefined || url === '') throw new Error(`${URL_VARIABLE} is not set`);
  return openPostgresReader({ url });
}

/** Throws for a time that is none. */
export function filterOf({ since, until, ...rest }: FilterOptions, nowMs: number): AuditFilter {
  return {
    ...rest,
    ...(since === undefined ? {} : { since: instantOf(since, '--since', nowMs) }),
    ...(until === undefined ? {} : { until: instantOf(until, '--until', nowMs) }),
  };
}

function instantOf(text: string, flag: string, nowMs: number): number {
  const [, amount, unit = ''] = AGO.exec(text) ?? [];
  const at = amount === undefined ? Date.parse(text) : nowMs - Number(amount) * (UNITS[unit] ?? 0);
  if (Number.isNaN(at))
    throw new Error(`${flag} ${text}: no time; write 2026-01-31T12:00:00Z, or 90m, 24h, 7d`);
  return at;
}
