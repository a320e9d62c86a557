import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(
  new URL('../../node_modules/.cache/kubewitness/bench/results.json', import.meta.url),
);

/** One table of the page: figures by row and column, and what they say. */
export interface Table {
  readonly title: string;
  /** What was measured, how, and what the ratios mean. */
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly [name: string, ...cells: string[]])[];
  /** What of it says how large a machine must be. */
  readonly sizing?: readonly (readonly [what: string, figure: string])[];
}

export function readTables(): Record<string, Table> {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Table>) : {};
}

export function forget(): void {
  rmSync(FILE, { force: true });
}

/** Keeps a table of this run and prints it. */
export function report(key: string, table: Table): void {
  mkdirSync(fileURLToPath(new URL('.', `file://${FILE}`)), { recursive: true });
  writeFileSync(FILE, JSON.stringify({ ...readTables(), [key]: table }));
  process.stdout.write(`\n${table.title}\n`);
  for (const row of [['', ...table.columns], ...table.rows]) process.stdout.write(`  ${row.join('  |  ')}\n`);
}

/** Three significant digits. */
export function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '–';
}

export function ratio(value: number, to: number): string {
  return `${(value / to).toFixed(2)} x`;
}
