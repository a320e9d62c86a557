import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SinkHealth } from '../audit/health.ts';
import type { AuditEvent } from '../audit/record.ts';
import type { Definition, MetricName } from './definitions.ts';
import { METRICS } from './definitions.ts';
import { EventLoopLag } from './event-loop.ts';
import type { Signal, Update } from './updates.ts';
import { updatesOf } from './updates.ts';

/** The part of a session's view that is counted. */
export interface SessionStep {
  readonly id: string;
  readonly state: string;
}

/** Recorders come from configuration or grants; should those be endless, the labels are not. */
const MAX_RECORDERS = 64;

export interface MetricsOptions {
  /** Asked at each reading. */
  readonly auditHealth?: () => SinkHealth;
  /** Asked at each reading: unrecorded seconds of this UTC day by rule. */
  readonly failOpenSeconds?: () => ReadonlyMap<string, number>;
  /** Asked at each reading. */
  readonly config?: () => { readonly current: boolean; readonly appliedAtSeconds: number };
  /** Asked at each reading. */
  readonly unacked?: () => { readonly bytes: number; readonly ageSeconds: number };
}

/** The numbers of this process. What happened is told to it; `text` gives the Prometheus format. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Counter | Gauge | Histogram>();
  readonly #states = new Map<string, string>();
  readonly #recorders = new Set<string>();
  readonly #lag = new EventLoopLag();
  #lost = 0;

  constructor(options: MetricsOptions = {}) {
    this.#options = options;
    for (const [name, definition] of Object.entries(METRICS)) {
      // Keys of METRICS are its names.
      this.#metrics.set(name as MetricName, create(name, definition, this.#registry));
    }
    this.#lag.start();
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  tell(signal: Signal): void {
    for (const update of updatesOf(signal)) this.#apply(update);
  }

  /** Every audit event, as it is written. */
  audited(event: AuditEvent): void {
    this.tell({ kind: 'audit', event });
  }

  /** Every change of a session, as the registry tells it; the last one says `closed`. */
  stepped({ id, state }: SessionStep): void {
    const from = this.#states.get(id);
    if (state === 'closed') this.#states.delete(id);
    else this.#states.set(id, state);
    if (from !== state) this.tell({ kind: 'step', from, to: state === 'closed' ? undefined : state });
  }

  /** What `GET /metrics` answers. */
  async text(): Promise<string> {
    const { auditHealth, config, failOpenSeconds, unacked } = this.#options;
    if (auditHealth !== undefined) {
      const health = auditHealth();
      this.tell({ kind: 'auditHealth', health, lostBefore: this.#lost });
      this.#lost = health.lost;
    }
    if (config !== undefined) this.tell({ kind: 'config', ...config() });
    if (failOpenSeconds !== undefined) this.tell({ kind: 'failOpen', seconds: failOpenSeconds() });
    if (unacked !== undefined) this.tell({ kind: 'unacked', ...unacked() });
    for (const [quantile, value] of Object.entries(this.#lag.take())) {
      this.#apply({ name: 'kubewitness_event_loop_lag_seconds', how: 'set', value, labels: { quantile } });
    }
    return this.#registry.metrics();
  }

  close(): void {
    this.#lag.stop();
  }

  #apply({ name, how, value, labels = {} }: Update): void {
    const metric = this.#metrics.get(name);
    const bounded = this.#bounded(labels);
    if (metric instanceof Histogram) metric.observe(bounded, value);
    else if (metric instanceof Counter) metric.inc(bounded, value);
    else if (how === 'set') metric?.set(bounded, value);
    else metric?.inc(bounded, value);
  }

  #bounded(labels: Readonly<Record<string, string>>): Record<string, string> {
    const { recorder } = labels;
    if (recorder === undefined || this.#recorders.has(recorder)) return { ...labels };
    if (this.#recorders.size >= MAX_RECORDERS) return { ...labels, recorder: 'other' };
    this.#recorders.add(recorder);
    return { ...labels };
  }
}

function create(name: string, definition: Definition, registry: Registry): Counter | Gauge | Histogram {
  const { kind, help, labels = [], buckets } = definition;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') return new Counter(options);
  if (kind === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, ...(buckets === undefined ? {} : { buckets: [...buckets] }) });
}
