import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Notices } from '../notices/notices.ts';
import { systemTimers } from '../recording/timers.ts';
import type { Upstream } from '../upstream/target.ts';

/** Whom a configuration names to be told of failures; without any, nobody is. Throws when a token cannot be read. */
export function openNotices(
  { notices, cluster }: Config,
  parts: {
    readonly upstream: Upstream;
    readonly log: Logger;
    readonly clock: Clock;
    readonly readText: (file: string) => string;
    readonly metrics: Metrics;
  },
): Notices {
  const { upstream, readText, metrics } = parts;
  const { webhook, kubernetesEvents = false } = notices ?? {};
  const tokenFile = webhook?.tokenFile;
  const token = (): string | undefined => (tokenFile === undefined ? undefined : readText(tokenFile).trim());
  token();
  return new Notices({
    cluster,
    clock: parts.clock,
    timers: systemTimers,
    log: parts.log,
    ...(kubernetesEvents ? { events: upstream } : {}),
    ...(webhook === undefined ? {} : { webhook: { url: webhook.url, token } }),
    told: (channel, result) => metrics.tell({ kind: 'notice', channel, result }),
  });
}
