import { NoAnswer, postJson } from '../upstream/post-json.ts';
import type { Upstream } from '../upstream/target.ts';
import type { RecordingFailed } from './notice.ts';
import { isWorthRetrying } from './notice.ts';
import { FinalFailure } from './queue.ts';

const TIMEOUT_MS = 10_000;
/** Longer ones are refused (core/v1 validation of Event). */
const MAX_MESSAGE = 1_024;

/** An Event (core/v1) on the pod of the session. */
export function eventOf({ facts, time }: RecordingFailed): { readonly path: string; readonly event: object } {
  const { namespace, pod } = facts.target;
  const user = facts.subject.original ?? facts.subject.user;
  const message = `session ${facts.sessionId} of ${user}: recording failed (${facts.phase}, ${facts.kind}), ${facts.action}`;
  return {
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
    event: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${pod}.`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name: pod },
      type: facts.action === 'handedOver' ? 'Normal' : 'Warning',
      reason: 'RecordingFailed',
      message: message.slice(0, MAX_MESSAGE),
      source: { component: 'kubewitness' },
      reportingComponent: 'kubewitness',
      reportingInstance: '',
      firstTimestamp: time.replace(/\.\d+Z$/, 'Z'),
      lastTimestamp: time.replace(/\.\d+Z$/, 'Z'),
      count: 1,
    },
  };
}

/** Writes it with our own credential, which needs `create` on events. */
export async function sendEvent(upstream: Upstream, notice: RecordingFailed): Promise<void> {
  const { path, event } = eventOf(notice);
  try {
    await postJson(upstream, path, event, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof NoAnswer) || error.status === undefined || isWorthRetrying(error.status))
      throw error;
    throw new FinalFailure(`the API server takes no Event: ${error.message}`, { cause: error });
  }
}
