import { messageOf } from '../errors.ts';

/** Rejects when a recorder is not there. */
export type ProbeRecorder = (recorder: string, signal: AbortSignal) => Promise<void>;

/** A rule that enforces recorders, by what the configuration calls it. */
export interface EnforcingRule {
  readonly origin: string;
  readonly recorderAddrs: readonly string[];
}

/**
 * Whether every rule that enforces a recorder has one that answers: without, its callers get no session. Each recorder is
 * asked once, all at the same time. Rejects with the rules that have none, and why.
 */
export async function checkRecorders(
  rules: readonly EnforcingRule[],
  probe: ProbeRecorder,
  signal: AbortSignal,
): Promise<string> {
  const recorders = [...new Set(rules.flatMap(({ recorderAddrs }) => recorderAddrs))];
  const problems = new Map(
    await Promise.all(
      recorders.map(async recorder => [recorder, await problemOf(recorder, probe, signal)] as const),
    ),
  );
  const without = rules.filter(({ recorderAddrs }) =>
    recorderAddrs.every(recorder => problems.get(recorder) !== undefined),
  );
  if (without.length > 0) throw new Error(without.map(rule => sayWithout(rule, problems)).join('; '));
  const away = [...problems].flatMap(([recorder, problem]) => (problem === undefined ? [] : [recorder]));
  if (rules.length === 0) return 'no rule of the configuration enforces one';
  return away.length === 0 ? `${recorders.length} answer` : `another stands in for ${away.join(', ')}`;
}

async function problemOf(
  recorder: string,
  probe: ProbeRecorder,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await probe(recorder, signal);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function sayWithout(
  { origin, recorderAddrs }: EnforcingRule,
  problems: ReadonlyMap<string, string | undefined>,
): string {
  if (recorderAddrs.length === 0) return `${origin} enforces a recorder and names none`;
  return `${origin}: ${recorderAddrs.map(recorder => `${recorder}: ${problems.get(recorder)}`).join(', ')}`;
}
