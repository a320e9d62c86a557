import { randomUUID } from 'node:crypto';
import type { AuditEvent } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { NoticeResult } from '../metrics/updates.ts';
import type { Timers } from '../recording/timers.ts';
import type { Upstream } from '../upstream/target.ts';
import { sendEvent } from './kube-event.ts';
import type { RecordingFailed } from './notice.ts';
import { NoticeQueue } from './queue.ts';
import type { Webhook } from './webhook.ts';
import { callWebhook } from './webhook.ts';

export interface NoticesOptions {
  readonly cluster: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Given: an Event is written for each. */
  readonly events?: Upstream;
  readonly webhook?: Webhook;
  readonly told: (channel: 'event' | 'webhook', result: NoticeResult) => void;
}

/** Tells of recordings that fail while they do: on the pod, and to a webhook. The audit is what can be relied on. */
export class Notices {
  readonly #clock: Clock;
  readonly #queues: readonly NoticeQueue<RecordingFailed>[];

  constructor(options: NoticesOptions) {
    const { events, webhook, cluster, told } = options;
    this.#clock = options.clock;
    const queue = (
      channel: 'event' | 'webhook',
      send: (notice: RecordingFailed) => Promise<void>,
    ): NoticeQueue<RecordingFailed> =>
      new NoticeQueue({ ...options, send, told: result => told(channel, result) });
    this.#queues = [
      ...(events === undefined ? [] : [queue('event', notice => sendEvent(events, notice))]),
      ...(webhook === undefined ? [] : [queue('webhook', notice => callWebhook(webhook, notice, cluster))]),
    ];
  }

  /** Every audit event. */
  audited(event: AuditEvent): void {
    if (event.type !== 'recording.failed' || this.#queues.length === 0) return;
    const time = new Date(this.#clock.now()).toISOString();
    const notice = { facts: event, time, id: randomUUID() };
    for (const queue of this.#queues) queue.offer(notice);
  }

  async close(limitMs: number): Promise<void> {
    await Promise.all(this.#queues.map(queue => queue.close(limitMs)));
  }
}
