import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { ProxyProcess } from './process-group.ts';
import { until } from './try-cluster.ts';

type Place = Pick<ProxyProcess, 'admin'>;
export type Line = Record<string, unknown>;

/** Process ids of the workers that serve, as the probe says them. */
export async function workersOf({ admin }: Place): Promise<number[]> {
  const { checks } = (await (await fetch(`${admin}/readyz?exclude=recorder`)).json()) as {
    checks: { name: string; detail?: string }[];
  };
  const words = checks.find(({ name }) => name === 'workers')?.detail ?? '';
  return (words.split(': ')[1] ?? '').split(', ').filter(Boolean).map(Number);
}

/** Kills one, and resolves when another serves in its place. Returns the id of that one. */
export async function replaced(proxy: Place, pid: number): Promise<number> {
  const before = await workersOf(proxy);
  process.kill(pid, 'SIGKILL');
  let fresh: number | undefined;
  await until(async () => {
    const now = await workersOf(proxy);
    fresh = now.find(each => !before.includes(each));
    return now.length === before.length && fresh !== undefined;
  });
  return fresh ?? 0;
}

export function auditOf({ auditFile }: Pick<ProxyProcess, 'auditFile'>, type?: string): Line[] {
  return readFileSync(auditFile, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
    .filter(line => type === undefined || line['type'] === type);
}

/** By session, the number of the worker that has it; from the log at level info. */
export function whoHas(output: string): Map<string, number> {
  const steps = output.split('\n').filter(line => line.includes('"session step"'));
  return new Map(
    steps.map(line => {
      const { session, worker } = JSON.parse(line) as { session: string; worker: number };
      return [session, worker];
    }),
  );
}

export async function metric({ admin }: Place, series: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

/** One GET over a connection of its own: connections are dealt to the workers in turn. */
export function getPods(
  { url, caPem }: Pick<ProxyProcess, 'url' | 'caPem'>,
  token: string,
): Promise<{ readonly status: number; readonly serial: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/api/v1/namespaces/default/pods`,
      { ca: caPem, agent: false, headers: { authorization: `Bearer ${token}` } },
      response => {
        const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, serial: serialNumber }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
