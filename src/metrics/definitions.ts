/**
 * Every metric there is, as data: what the text output, the docs, the alert rules and the dashboard are checked against.
 * Labels are few and bounded: never a user, a pod or a path.
 */
export interface Definition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  readonly buckets?: readonly number[];
}

const ATTEMPT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SESSION_SECONDS = [1, 10, 60, 300, 900, 3_600, 14_400, 43_200];

export const METRICS = {
  // The names of Tailscale's proxy, so that what watches one can watch the other.
  k8s_auth_proxy_requests_proxied: { kind: 'counter', help: 'Requests sent upstream, sessions included.' },
  k8s_auth_proxy_session_recordings_attempted: {
    kind: 'counter',
    help: 'Sessions that rules wanted recorded.',
  },
  k8s_auth_proxy_session_recordings_uploaded: {
    kind: 'counter',
    help: 'Recordings that a recorder confirmed as complete.',
  },
  k8s_auth_proxy_api_request_event_recording_attempted: {
    kind: 'counter',
    help: 'Ordinary requests of which an event was to be recorded.',
  },

  kubewitness_sessions: { kind: 'gauge', help: 'Live sessions by state.', labels: ['state'] },
  kubewitness_sessions_ended_total: {
    kind: 'counter',
    help: 'Sessions that ended, by outcome.',
    labels: ['outcome'],
  },
  kubewitness_session_seconds: {
    kind: 'histogram',
    help: 'Length of sessions.',
    buckets: SESSION_SECONDS,
  },
  kubewitness_recording_failures_total: {
    kind: 'counter',
    help: 'Recording failures.',
    labels: ['phase', 'kind', 'recorder', 'policy', 'action'],
  },
  kubewitness_handovers_total: { kind: 'counter', help: 'Recordings that another recorder took over.' },
  kubewitness_unrecorded_seconds_total: {
    kind: 'counter',
    help: 'Time of sessions that is in no recording though rules wanted one.',
  },
  kubewitness_unrecorded_bytes_total: {
    kind: 'counter',
    help: 'Output of sessions that is in no recording though rules wanted one.',
  },
  kubewitness_fail_open_budget_spent_total: {
    kind: 'counter',
    help: 'Sessions that a used-up fail-open budget ended or kept from going on.',
    labels: ['rule', 'limit'],
  },
  kubewitness_fail_open_seconds: {
    kind: 'gauge',
    help: 'Unrecorded time of this UTC day that counts against the fail-open budget of a rule.',
    labels: ['rule'],
  },
  kubewitness_recorder_attempts_total: {
    kind: 'counter',
    help: 'Tries to have a recorder take a recording.',
    labels: ['recorder', 'result'],
  },
  kubewitness_recorder_attempt_seconds: {
    kind: 'histogram',
    help: 'Time until a recorder accepted or failed.',
    labels: ['result'],
    buckets: ATTEMPT_SECONDS,
  },
  kubewitness_unacked_bytes: { kind: 'gauge', help: 'Bytes sent to recorders and not acknowledged.' },
  kubewitness_unacked_age_seconds: { kind: 'gauge', help: 'Age of the oldest unacknowledged byte.' },
  kubewitness_requests_refused_total: {
    kind: 'counter',
    help: 'Requests refused before they reached upstream.',
    labels: ['code'],
  },
  kubewitness_caller_violations_total: {
    kind: 'counter',
    help: 'Sessions ended because the client broke the protocol.',
    labels: ['code'],
  },
  kubewitness_unrecordable_requests_total: {
    kind: 'counter',
    help: 'Requests that went past an enforced recorder by "unrecordable: audit".',
    labels: ['class'],
  },
  kubewitness_request_seconds: {
    kind: 'histogram',
    help: 'Ordinary requests, from their arrival to the head of the answer.',
    labels: ['verb', 'code'],
    buckets: REQUEST_SECONDS,
  },
  kubewitness_audit_failing: { kind: 'gauge', help: '1 while audit records cannot be kept.' },
  kubewitness_audit_lost_total: { kind: 'counter', help: 'Audit records that are lost for good.' },
  kubewitness_audit_waiting: {
    kind: 'gauge',
    help: 'Audit records that wait for the disk or the database.',
  },
  kubewitness_config_reloads_total: {
    kind: 'counter',
    help: 'Changes of the configuration and of the files that it names, by what came of them.',
    labels: ['outcome'],
  },
  kubewitness_config_current: {
    kind: 'gauge',
    help: '1 while the configuration in force is what its files say.',
  },
  kubewitness_config_applied_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the configuration in force was taken. Seconds since the Unix epoch.',
  },
  kubewitness_event_loop_lag_seconds: {
    kind: 'gauge',
    help: 'Delay of the event loop since the last look: the median, the 99th percentile, the longest.',
    labels: ['quantile'],
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricName = keyof typeof METRICS;
