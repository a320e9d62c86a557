import { readFileSync } from 'node:fs';
import type { ProxyProcess } from './process-group.ts';

/** Process ids of the workers that serve, as the probe says them. */
export async function workersOf({ admin }: Pick<ProxyProcess, 'admin'>): Promise<number[]> {
  const { checks } = (await (await fetch(`${admin}/readyz?exclude=recorder`)).json()) as {
    checks: { name: string; detail?: string }[];
  };
  const words = checks.find(({ name }) => name === 'workers')?.detail ?? '';
  return (words.split(': ')[1] ?? '').split(', ').filter(Boolean).map(Number);
}

export type Line = Record<string, unknown>;

export function auditOf({ auditFile }: Pick<ProxyProcess, 'auditFile'>, type?: string): Line[] {
  return readFileSync(auditFile, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
    .filter(line => type === undefined || line['type'] === type);
}
