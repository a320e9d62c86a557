import { describe, expect, test } from 'vitest';
import { CoverageCount } from '../../../src/audit/coverage.ts';
import { BypassedSessions } from '../../../src/audit/kube-audit.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { OUTCOMES } from '../../../src/audit/schema.ts';
import { chainOf, ended, recordOf, recordsOf, refused, started } from './samples.ts';

function covered(events: readonly AuditEvent[]): CoverageCount {
  const count = new CoverageCount();
  for (const record of recordsOf(events)) count.see(record);
  return count;
}

const begin = (sessionId: string): AuditEvent => ({ ...started, sessionId });
const end = (sessionId: string, outcome = ended.outcome): AuditEvent => ({ ...ended, sessionId, outcome });

describe('audit coverage', () => {
  test('every session counts once, and the parts add up', () => {
    const sessions = OUTCOMES.flatMap(outcome => [begin(outcome), end(outcome, outcome)]);
    const turnedAway = { ...refused, path: '/api/v1/namespaces/default/pods/shell/exec' };
    const { days, contradictions } = covered([...sessions, begin('live'), turnedAway, refused]).result();
    expect(contradictions).toEqual([]);
    expect(days).toEqual([
      {
        day: '2026-01-01',
        requests: OUTCOMES.length + 2,
        outcomes: { ...Object.fromEntries(OUTCOMES.map(outcome => [outcome, 1])), refused: 2 },
        live: 1,
      },
    ]);
  });

  test('a session counts on the day it began', () => {
    const count = new CoverageCount();
    const lines = chainOf([begin('a'), end('a')]);
    count.see(recordOf(lines[0] ?? ''));
    count.see({ ...recordOf(lines[1] ?? ''), time: '2026-01-02T00:00:01.000Z' });
    expect(count.result().days).toMatchObject([
      { day: '2026-01-01', requests: 1, outcomes: { unrecorded: 1 }, live: 0 },
    ]);
  });

  test.each<[string, readonly AuditEvent[], RegExp]>([
    ['two beginnings', [begin('a'), begin('a'), end('a')], /a began twice/],
    ['two ends', [begin('a'), end('a'), end('a')], /a ended twice/],
    ['an end without a beginning', [end('a')], /a ended and never began/],
  ])('%s are a contradiction', (_name, events, message) => {
    expect(covered(events).result().contradictions).toEqual([
      expect.stringMatching(message),
      '2026-01-01: the parts do not add up to the requests',
    ]);
  });
});

/** Fields as the API server writes them (audit.k8s.io/v1, `--audit-log-format=json`). */
function kubeEvent(auditID: string, subresource: string, more: object = {}): string {
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID,
    stage: 'ResponseStarted',
    requestURI: `/api/v1/namespaces/default/pods/shell/${subresource}?command=ls`,
    verb: 'create',
    user: { username: 'system:serviceaccount:kw:kubewitness' },
    impersonatedUser: { username: 'ann' },
    sourceIPs: ['192.0.2.7'],
    userAgent: 'kubectl/v1.36',
    objectRef: { resource: 'pods', namespace: 'default', name: 'shell', apiVersion: 'v1', subresource },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    ...more,
  });
}

describe('against a Kubernetes audit log', () => {
  function against(lines: readonly string[], events: readonly AuditEvent[]) {
    const count = covered(events);
    const bypassed = new BypassedSessions(id => count.knows(id));
    for (const line of lines) bypassed.line(line);
    return bypassed.result();
  }

  test('sessions that never came through here are named, once whatever stages there are', () => {
    const direct = { user: { username: 'eve' }, impersonatedUser: undefined };
    const result = against(
      [
        kubeEvent('a', 'exec'),
        kubeEvent('b', 'exec', direct),
        kubeEvent('b', 'exec', { ...direct, stage: 'ResponseComplete' }),
        kubeEvent('c', 'attach'),
        kubeEvent('d', 'portforward'),
        kubeEvent('f', 'portforward'),
        kubeEvent('e', 'log'),
        '',
      ],
      [begin('a'), requestUnrecordable('d'), tunnelStarted('f')],
    );
    expect(result).toMatchObject({
      sessions: 5,
      unreadable: 0,
      bypassed: [
        { auditId: 'b', user: 'eve', namespace: 'default', pod: 'shell', subresource: 'exec' },
        { auditId: 'c', user: 'ann', impersonatedBy: 'system:serviceaccount:kw:kubewitness' },
      ],
    });
  });

  test.each(['{', '[]', '{"kind":"EventList"}'])('%s is no event, and is counted', line => {
    expect(against([line], [])).toMatchObject({ sessions: 0, unreadable: 1 });
  });
});

function tunnelStarted(tunnelId: string): AuditEvent {
  return {
    type: 'tunnel.started',
    tunnelId,
    subject: started.subject,
    method: 'POST',
    path: '/x',
    class: 'tunnel',
    ports: 'unknown',
  };
}

function requestUnrecordable(tunnelId: string): AuditEvent {
  return {
    type: 'request.unrecordable',
    tunnelId,
    subject: started.subject,
    method: 'POST',
    path: '/x',
    class: 'tunnel',
    rule: 'grants[0]',
  };
}
