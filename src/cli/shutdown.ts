import type { Config } from '../config/schema.ts';

/** What ordinary requests get to end once sessions have. */
export const REQUEST_GRACE_MS = 5_000;
/** Beyond the recorder's last word: to tell the client, and to be told of the end. */
const FINISH_EXTRA_MS = 5_000;

/** How long a session may take over its last words, the recorder's included. */
export function finishMs({ recording }: Config): number {
  return recording.finalAnswerMs + FINISH_EXTRA_MS;
}

/**
 * The longest that a shutdown takes, milliseconds: `terminationGracePeriodSeconds` has to be above it, or the kubelet
 * kills what is still being recorded. Not counted: the last writes of the audit, which are over in moments or, without
 * its disk, hopeless.
 */
export function shutdownMs(config: Config): number {
  const { shutdown, sessions } = config;
  return Math.max(shutdown.delayMs, sessions.drainMs + finishMs(config)) + REQUEST_GRACE_MS;
}
