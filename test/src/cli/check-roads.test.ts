import { describe, expect, test } from 'vitest';
import type { RawAnswer } from '../../../src/cli/check-raw.ts';
import type { Road } from '../../../src/cli/check-road-list.ts';
import { roadsOf } from '../../../src/cli/check-road-list.ts';
import type { Verdict } from '../../../src/cli/check-roads.ts';
import { readUrl, verdictOf } from '../../../src/cli/check-roads.ts';

const road: Road = {
  name: 'a road',
  request: { method: 'GET', target: '/', lines: [] },
  unknownToKubernetes: false,
};
const answered = (status: number, ...lines: string[]): RawAnswer => ({ kind: 'answered', status, lines });

describe('the verdict on a road', () => {
  test.each<[string, RawAnswer, Verdict]>([
    ['a 101 that names a recording', answered(101, 'kubewitness-recording: id'), 'recorded'],
    ['a bare 101', answered(101, 'Upgrade: websocket'), 'PASSED UNRECORDED'],
    ['a 200', answered(200, 'Audit-Id: a'), 'PASSED UNRECORDED'],
    ['a redirect', answered(301), 'PASSED UNRECORDED'],
    ["the proxy's own 403", answered(403, 'Content-Type: application/json'), 'refused'],
    ["the proxy's own 400", answered(400), 'refused'],
    ["the API server's 403", answered(403, 'audit-id: a'), 'refused by the API server'],
    ["the API server's 401", answered(401, 'Audit-Id: a'), 'refused by the API server'],
    ["the API server's 404: it came that far", answered(404, 'Audit-Id: a'), 'PASSED UNRECORDED'],
    ["the API server's 503", answered(503, 'Audit-Id: a'), 'PASSED UNRECORDED'],
    ['a closed connection', { kind: 'closed' }, 'refused'],
    ['silence', { kind: 'silent' }, 'NO ANSWER'],
  ])('%s', (_name, answer, verdict) => {
    expect(verdictOf(road, answer)).toBe(verdict);
  });

  test('a path that Kubernetes does not have is closed by its 404', () => {
    expect(verdictOf({ ...road, unknownToKubernetes: true }, answered(404, 'Audit-Id: a'))).toBe(
      'refused by the API server',
    );
  });
});

describe('the list of roads', () => {
  const roads = roadsOf({ namespace: 'ns', pod: 'p', node: 'n' });

  test('names each once, and each is another request', () => {
    expect(new Set(roads.map(({ name }) => name)).size).toBe(roads.length);
    expect(new Set(roads.map(({ request }) => JSON.stringify(request))).size).toBe(roads.length);
    expect(roads.length).toBeGreaterThan(50);
  });

  test('changes nothing where a road is open', () => {
    for (const { request } of roads) {
      if (request.body !== undefined) expect(request.target).toContain('dryRun=All');
    }
  });
});

describe('the address of the proxy', () => {
  test.each([
    ['https://proxy.example', 'proxy.example', 443],
    ['https://127.0.0.1:8443/', '127.0.0.1', 8443],
    ['https://[::1]:8443', '::1', 8443],
  ])('%s', (url, host, port) => {
    expect(readUrl(url)).toEqual({ host, port });
  });

  test.each(['http://a', 'https://', 'https://a:0', 'https://a:70000', 'https://a/b', 'https://u@a', 'a:1'])(
    '%s is refused',
    url => {
      expect(() => readUrl(url)).toThrow(/is not https:\/\/host:port/);
    },
  );
});
