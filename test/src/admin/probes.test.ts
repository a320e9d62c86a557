import { describe, expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../../src/checks/check.ts';
import { Readiness } from '../../../src/checks/readiness.ts';
import { systemClock } from '../../../src/clock.ts';
import { ask, startAdmin } from './admin.ts';

async function probing(checks: readonly Check[]) {
  const readiness = new Readiness({ clock: systemClock });
  for (const check of checks) readiness.set(check);
  const { admin } = await startAdmin({
    process: {
      auditHealth: () => ({ state: 'ok', lost: 0, waiting: 0 }),
      metrics: { contentType: 'text/plain', text: async () => '' },
      readiness,
    },
  });
  onTestFinished(() => admin.close());
  return (path: string) => ask(admin.port, path);
}

const good: Check = { name: 'config', keepMs: 0, run: () => undefined };
const bad: Check = { name: 'recorder', keepMs: 0, run: () => Promise.reject(new Error('away')) };

describe('/readyz', () => {
  test('is 200 only when every check holds', async () => {
    const get = await probing([good, bad]);
    const failing = await get('/readyz');
    expect([failing.status, JSON.parse(failing.body)]).toEqual([
      503,
      {
        ok: false,
        draining: false,
        audit: { state: 'ok', lost: 0, waiting: 0 },
        checks: [
          { name: 'config', ok: true },
          { name: 'recorder', ok: false, reason: 'away' },
        ],
      },
    ]);
  });

  test('leaves out what is excluded, by one parameter or several', async () => {
    const get = await probing([good, bad, { ...bad, name: 'upstream' }]);
    expect((await get('/readyz?exclude=recorder')).status).toBe(503);
    const both = await get('/readyz?verbose&exclude=recorder&exclude=upstream&exclude=upstraem');
    expect([both.status, both.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(both.body.split('\n')).toEqual([
      '[+]config ok',
      '[+]recorder excluded: ok',
      '[+]upstream excluded: ok',
      'warn: there is no check to exclude named "upstraem"',
      'readyz check passed',
      '',
    ]);
  });
});

test('/livez asks no check', async () => {
  const get = await probing([bad]);
  expect((await get('/livez')).status).toBe(200);
  expect((await get('/livez?verbose')).body).toBe('[+]ping ok\nlivez check passed\n');
});
