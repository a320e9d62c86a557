export interface SoakSettings {
  readonly seed: number;
  /** Run before the first measurement, so that what is made once is there. */
  readonly warmUp: number;
  readonly sessions: number;
  /** No session is begun after it. */
  readonly minutes: number;
  readonly atOnce: number;
}

/** The short form, unless `npm run soak` says otherwise (test/support/long-run.js). */
export function soakSettings(env: NodeJS.ProcessEnv): SoakSettings {
  const long = env['LONG_RUN_MINUTES'] !== undefined;
  return {
    seed: numberIn(env, 'LONG_RUN_SEED', long ? Date.now() % 1_000_000 : 1),
    warmUp: long ? 1_000 : 150,
    sessions: numberIn(env, 'LONG_RUN_SESSIONS', long ? 10_000 : 300),
    minutes: numberIn(env, 'LONG_RUN_MINUTES', 10),
    atOnce: 32,
  };
}

export function numberIn(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name}=${text} is no number`);
  return value;
}
