/** How a sink is. Plain data: for /readyz, the metrics and the policy. */
export type SinkHealth =
  | { readonly state: 'ok'; readonly lost: number; readonly waiting: number; readonly lagMs?: number }
  | {
      readonly state: 'failing';
      /** RFC 3339, UTC. */
      readonly since: string;
      readonly error: string;
      /** Records that are in no file and never will be, since the start of the process. */
      readonly lost: number;
      /** Records that wait in memory for the next try. */
      readonly waiting: number;
      /** Age of the oldest of them; 0: none waits. */
      readonly lagMs?: number;
    };

/** What becomes of new sessions while records cannot be kept. */
export type SinkFailurePolicy = 'refuseSessions' | 'continue';

/** Whether a session may begin now. */
export function mayStart(health: SinkHealth, policy: SinkFailurePolicy): boolean {
  return health.state === 'ok' || policy === 'continue';
}
