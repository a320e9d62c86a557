import type { ServerResponse } from 'node:http';
import type { SinkHealth } from '../audit/health.ts';
import { probeText } from '../checks/probe-text.ts';
import type { Readiness } from '../checks/readiness.ts';
import { answerJson, answerText } from './answer.ts';

const TEXT = 'text/plain; charset=utf-8';

/** The event loop turns, or there would be no answer. Load, drain and what lies outside have no say in it. */
export function answerLivez(params: URLSearchParams, response: ServerResponse): void {
  if (!params.has('verbose')) {
    answerJson(response, 200, { ok: true });
    return;
  }
  const ping = { name: 'ping', ok: true } as const;
  answerText(response, TEXT, probeText('livez', [ping], { known: [], unknown: [] }));
}

/** 200 when every check holds that was not excluded, else 503. JSON, or with `verbose` lines as Kubernetes writes them. */
export async function answerReadyz(
  state: {
    readonly draining: boolean;
    readonly readiness: Readiness;
    readonly auditHealth: () => SinkHealth;
  },
  params: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const { draining, readiness, auditHealth } = state;
  const excluded = new Set(params.getAll('exclude'));
  const { names } = readiness;
  const results = await readiness.ask(excluded);
  const ok = results.every(result => result.ok);
  const status = ok ? 200 : 503;
  if (params.has('verbose')) {
    const text = probeText('readyz', results, {
      known: names.filter(name => excluded.has(name)),
      unknown: [...excluded].filter(name => !names.includes(name)),
    });
    answerText(response, TEXT, text, status);
    return;
  }
  answerJson(response, status, { ok, draining, audit: auditHealth(), checks: results });
}
