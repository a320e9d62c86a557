import type { SinkHealth } from '../audit/health.ts';
import type { AuditEvent } from '../audit/record.ts';
import type { MetricName } from './definitions.ts';

/** One change of one metric. `add` for counters and gauges, `set` for gauges, `observe` for histograms. */
export interface Update {
  readonly name: MetricName;
  readonly how: 'add' | 'set' | 'observe';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Everything that metrics hear of. */
export type Signal =
  | { readonly kind: 'audit'; readonly event: AuditEvent }
  /** A step of a session; `from`: the state before, undefined at its beginning. `to`: undefined at its end. */
  | { readonly kind: 'step'; readonly from: string | undefined; readonly to: string | undefined }
  | {
      readonly kind: 'request';
      /** As Kubernetes names it: get, list, watch, create … */
      readonly verb: string;
      /** HTTP status. */
      readonly code: number;
      readonly seconds: number;
    }
  /** A request, or a session's upgrade, was sent upstream. */
  | { readonly kind: 'proxied' }
  | { readonly kind: 'eventRecording' }
  | { readonly kind: 'unacked'; readonly bytes: number; readonly ageSeconds: number }
  | { readonly kind: 'config'; readonly current: boolean; readonly appliedAtSeconds: number }
  /** Seconds of this UTC day by rule. */
  | { readonly kind: 'failOpen'; readonly seconds: ReadonlyMap<string, number> }
  | { readonly kind: 'auditHealth'; readonly health: SinkHealth; readonly lostBefore: number };

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** What a signal means for the metrics. Pure. */
export function updatesOf(signal: Signal): Update[] {
  switch (signal.kind) {
    case 'audit':
      return auditUpdates(signal.event);
    case 'step':
      return [
        ...(signal.from === undefined ? [] : [stateUpdate(signal.from, -1)]),
        ...(signal.to === undefined ? [] : [stateUpdate(signal.to, 1)]),
      ];
    case 'request':
      return [
        {
          name: 'kubewitness_request_seconds',
          how: 'observe',
          value: signal.seconds,
          // Whatever else a client may call it: labels have an end.
          labels: { verb: VERBS.includes(signal.verb) ? signal.verb : 'other', code: String(signal.code) },
        },
      ];
    case 'proxied':
      return [add('k8s_auth_proxy_requests_proxied')];
    case 'eventRecording':
      return [add('k8s_auth_proxy_api_request_event_recording_attempted')];
    case 'unacked':
      return [
        { name: 'kubewitness_unacked_bytes', how: 'set', value: signal.bytes },
        { name: 'kubewitness_unacked_age_seconds', how: 'set', value: signal.ageSeconds },
      ];
    case 'config':
      return [
        { name: 'kubewitness_config_current', how: 'set', value: signal.current ? 1 : 0 },
        {
          name: 'kubewitness_config_applied_timestamp_seconds',
          how: 'set',
          value: signal.appliedAtSeconds,
        },
      ];
    case 'failOpen':
      return [...signal.seconds].map(([rule, value]) => ({
        name: 'kubewitness_fail_open_seconds',
        how: 'set',
        value,
        labels: { rule },
      }));
    case 'auditHealth':
      return [
        { name: 'kubewitness_audit_failing', how: 'set', value: signal.health.state === 'failing' ? 1 : 0 },
        { name: 'kubewitness_audit_waiting', how: 'set', value: signal.health.waiting },
        add('kubewitness_audit_lost_total', signal.health.lost - signal.lostBefore),
      ];
  }
}

function auditUpdates(event: AuditEvent): Update[] {
  switch (event.type) {
    case 'session.decided':
      return event.decision === 'record' ? [add('k8s_auth_proxy_session_recordings_attempted')] : [];
    case 'recorder.attempted': {
      const result = event.accepted ? 'accepted' : (event.kind ?? 'failed');
      return [
        add('kubewitness_recorder_attempts_total', 1, { recorder: event.recorder, result }),
        {
          name: 'kubewitness_recorder_attempt_seconds',
          how: 'observe',
          value: event.durationMs / 1000,
          labels: { result },
        },
      ];
    }
    case 'recording.failed': {
      const { phase, kind, recorder = 'none', failMode: policy, action } = event;
      return [
        add('kubewitness_recording_failures_total', 1, { phase, kind, recorder, policy, action }),
        ...(action === 'handedOver' ? [add('kubewitness_handovers_total')] : []),
      ];
    }
    case 'recording.completed':
      return [add('k8s_auth_proxy_session_recordings_uploaded')];
    case 'session.ended':
      return [
        add('kubewitness_sessions_ended_total', 1, { outcome: event.outcome }),
        { name: 'kubewitness_session_seconds', how: 'observe', value: event.durationMs / 1000 },
        add('kubewitness_unrecorded_seconds_total', event.unrecordedMs / 1000),
        add('kubewitness_unrecorded_bytes_total', event.unrecordedBytes),
        ...(event.budget === undefined
          ? []
          : [
              add('kubewitness_fail_open_budget_spent_total', 1, {
                rule: event.budget.rule,
                limit: event.budget.limit,
              }),
            ]),
      ];
    case 'request.refused':
      return [add('kubewitness_requests_refused_total', 1, { code: event.code })];
    case 'caller.violated':
      return [add('kubewitness_caller_violations_total', 1, { code: event.code })];
    case 'config.changed':
      return [add('kubewitness_config_reloads_total', 1, { outcome: event.outcome })];
    case 'request.unrecordable':
      return [add('kubewitness_unrecordable_requests_total', 1, { class: event.class })];
    default:
      return [];
  }
}

function stateUpdate(state: string, value: number): Update {
  return { name: 'kubewitness_sessions', how: 'add', value, labels: { state } };
}

function add(name: MetricName, value = 1, labels?: Readonly<Record<string, string>>): Update {
  return labels === undefined ? { name, how: 'add', value } : { name, how: 'add', value, labels };
}
