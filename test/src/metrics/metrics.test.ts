import { afterEach, describe, expect, test } from 'vitest';
import type { SinkHealth } from '../../../src/audit/health.ts';
import { METRICS } from '../../../src/metrics/definitions.ts';
import type { MetricsOptions } from '../../../src/metrics/metrics.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { ended, failure, SAMPLES, session } from '../audit/samples.ts';

const open: Metrics[] = [];
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

function metricsOf(options: MetricsOptions = {}): Metrics {
  const metrics = new Metrics(options);
  open.push(metrics);
  return metrics;
}

/** Lines of samples, without those that a process of its own has. */
async function samples(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
}

describe('metrics', () => {
  test('every name is in the text, with its help and its kind', async () => {
    const text = await metricsOf().text();
    for (const [name, { help, kind }] of Object.entries(METRICS)) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
    }
  });

  test('the configuration: whether it is current, since when, and what came of changes', async () => {
    const metrics = metricsOf({ config: () => ({ current: false, appliedAtSeconds: 12.5 }) });
    for (const event of SAMPLES) metrics.audited(event);
    const lines = await samples(metrics);
    expect(lines).toContain('kubewitness_config_current 0');
    expect(lines).toContain('kubewitness_config_applied_timestamp_seconds 12.5');
    expect(lines).toContain('kubewitness_config_reloads_total{outcome="refused"} 1');
  });

  test('no label names a user, a pod or a path', async () => {
    const metrics = metricsOf();
    for (const event of SAMPLES) metrics.audited(event);
    metrics.tell({ kind: 'request', verb: '/evil path', code: 200, seconds: 1 });
    const text = (await samples(metrics)).join('\n');
    for (const secret of ['ann', 'shell', '192.0.2.7', 'portforward', 'evil'])
      expect(text).not.toContain(secret);
    expect(text).toContain('verb="other"');
  });

  test('what is audited is counted', async () => {
    const metrics = metricsOf();
    for (const event of SAMPLES) metrics.audited(event);
    metrics.audited({ ...failure, action: 'handedOver' });
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'k8s_auth_proxy_session_recordings_attempted 1',
        'k8s_auth_proxy_session_recordings_uploaded 1',
        'kubewitness_sessions_ended_total{outcome="unrecorded"} 1',
        'kubewitness_session_seconds_sum 1.5',
        'kubewitness_unrecorded_seconds_total 1',
        'kubewitness_unrecorded_bytes_total 3',
        'kubewitness_handovers_total 1',
        'kubewitness_recording_failures_total{phase="stream",kind="reset",recorder="192.0.2.9:80",policy="open",action="continuedUnrecorded"} 1',
        'kubewitness_recorder_attempts_total{recorder="192.0.2.9:80",result="accepted"} 1',
        'kubewitness_requests_refused_total{code="KW_FORBIDDEN"} 1',
        'kubewitness_caller_violations_total{code="WS_RSV"} 1',
        'kubewitness_unrecordable_requests_total{class="tunnel"} 1',
      ]),
    );
  });

  test('sessions are counted in the state they are in', async () => {
    const metrics = metricsOf();
    for (const id of ['a', 'b']) metrics.stepped({ id, state: 'deciding' });
    metrics.stepped({ id: 'a', state: 'joined.streaming' });
    metrics.stepped({ id: 'a', state: 'joined.streaming' });
    const counted = async () =>
      (await samples(metrics)).filter(line => line.startsWith('kubewitness_sessions{'));
    expect(await counted()).toEqual([
      'kubewitness_sessions{state="deciding"} 1',
      'kubewitness_sessions{state="joined.streaming"} 1',
    ]);
    for (const id of ['a', 'b']) metrics.stepped({ id, state: 'closed' });
    metrics.stepped({ id: 'a', state: 'closed' });
    expect(await counted()).toEqual([
      'kubewitness_sessions{state="deciding"} 0',
      'kubewitness_sessions{state="joined.streaming"} 0',
    ]);
  });

  test('the audit is asked how it is at each reading, and losses are counted once', async () => {
    let health: SinkHealth = { state: 'ok', lost: 0, waiting: 0 };
    const metrics = metricsOf({ auditHealth: () => health, unacked: () => ({ bytes: 7, ageSeconds: 0.5 }) });
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'kubewitness_audit_failing 0',
        'kubewitness_unacked_bytes 7',
        'kubewitness_unacked_age_seconds 0.5',
      ]),
    );
    health = { state: 'failing', since: '', error: 'ENOSPC', lost: 3, waiting: 5 };
    await metrics.text();
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'kubewitness_audit_failing 1',
        'kubewitness_audit_waiting 5',
        'kubewitness_audit_lost_total 3',
      ]),
    );
  });

  test('fail-open budgets: what is used today, and who found one used up', async () => {
    const metrics = metricsOf({ failOpenSeconds: () => new Map([['grants[0]', 12.5]]) });
    metrics.audited({
      ...ended,
      budget: { rule: 'grants[0]', limit: 'concurrent', allowed: 2, used: 2 },
    });
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'kubewitness_fail_open_seconds{rule="grants[0]"} 12.5',
        'kubewitness_fail_open_budget_spent_total{rule="grants[0]",limit="concurrent"} 1',
      ]),
    );
  });

  test('requests, by verb and code', async () => {
    const metrics = metricsOf();
    metrics.tell({ kind: 'proxied' });
    metrics.tell({ kind: 'eventRecording' });
    metrics.tell({ kind: 'request', verb: 'list', code: 200, seconds: 0.02 });
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'k8s_auth_proxy_requests_proxied 1',
        'k8s_auth_proxy_api_request_event_recording_attempted 1',
        'kubewitness_request_seconds_bucket{le="0.025",verb="list",code="200"} 1',
        'kubewitness_request_seconds_bucket{le="0.01",verb="list",code="200"} 0',
      ]),
    );
  });

  test('recorders without end do not make labels without end', async () => {
    const metrics = metricsOf();
    for (let at = 0; at < 100; at++) {
      metrics.audited({
        type: 'recorder.attempted',
        ...session,
        recorder: `r${at}:80`,
        startedAt: '2026-01-01T00:00:00.000Z',
        accepted: true,
        durationMs: 1,
      });
    }
    const lines = (await samples(metrics)).filter(line =>
      line.startsWith('kubewitness_recorder_attempts_total'),
    );
    expect(lines).toHaveLength(65);
    expect(lines).toContain('kubewitness_recorder_attempts_total{recorder="other",result="accepted"} 36');
  });

  test('two of them in one process do not meet', async () => {
    const [one, two] = [metricsOf(), metricsOf()];
    one.audited(ended);
    expect(await samples(two)).toContain('kubewitness_unrecorded_bytes_total 0');
  });
});
