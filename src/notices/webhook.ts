import { recordedFacts } from '../audit/chain.ts';
import type { RecordingFailed } from './notice.ts';
import { isWorthRetrying } from './notice.ts';
import { FinalFailure } from './queue.ts';

const TIMEOUT_MS = 10_000;

export interface Webhook {
  readonly url: string;
  /** Asked before each call, since tokens rotate; undefined: none is sent. */
  readonly token: () => string | undefined;
}

/** CloudEvents 1.0, JSON format; `data` is what the audit record says, without its place in the chain. */
export function cloudEventOf({ facts, time, id }: RecordingFailed, cluster: string): object {
  return {
    specversion: '1.0',
    id,
    source: `/kubewitness/${encodeURIComponent(cluster)}`,
    type: 'dev.kubewitness.recording.failed.v1',
    subject: facts.sessionId,
    time,
    datacontenttype: 'application/json',
    data: recordedFacts(facts),
  };
}

/** CloudEvents HTTP binding, structured mode. A redirect is no answer: what is sent is for that address alone. */
export async function callWebhook(
  { url, token }: Webhook,
  notice: RecordingFailed,
  cluster: string,
): Promise<void> {
  const bearer = token();
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(cloudEventOf(notice, cluster)),
  });
  await response.body?.cancel();
  if (response.ok) return;
  const message = `the webhook answered ${response.status}`;
  throw isWorthRetrying(response.status) ? new Error(message) : new FinalFailure(message);
}
