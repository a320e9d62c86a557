import type { SinkHealth } from '../audit/health.ts';

/** Throws when the audit's policy lets no session begin; a sink that fails under `continue` is only said. */
export function checkAudit(health: SinkHealth, mayStartSession: boolean): string | undefined {
  if (health.state === 'ok') return undefined;
  const words = `records are not kept since ${health.since}: ${health.error} (${health.waiting} wait, ${health.lost} lost)`;
  if (!mayStartSession) throw new Error(words);
  return words;
}
