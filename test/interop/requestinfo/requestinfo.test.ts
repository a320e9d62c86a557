import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithGo } from '../go-program.ts';
import { compare } from './compare.ts';
import { Oracle } from './oracle.ts';
import { SPELLINGS } from './spellings.ts';
import { listTarget, method, REAL_PATHS, target } from './targets.ts';

/** The same targets in every run; fast-check prints the path to one that fails. */
const SEED = 20_251_125;

describeWithGo('request lines, as the API server itself reads them', () => {
  let oracle: Oracle;
  beforeAll(async () => {
    oracle = await Oracle.start();
  });
  afterAll(() => oracle.stop());

  describe('spellings', () => {
    test.each(SPELLINGS)('$method $target', async ({ method: verb, target: spelling, theirs, ours }) => {
      const seen = await oracle.ask(verb, spelling);
      expect('error' in seen ? 'error' : `${seen.resource}/${seen.subresource}`).toBe(theirs);
      expect(await compare(oracle, verb, spelling)).toBe(ours);
    });
  });

  test.each(REAL_PATHS)('%s is not refused, whatever the method', async path => {
    for (const verb of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (path.includes('/watch/') && verb !== 'GET') continue;
      expect(await compare(oracle, verb, path)).not.toBe('refused');
    }
  });

  test('generated targets: what is not refused reads the same there, before and after it is rewritten (B017)', async () => {
    const verdicts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(method, target, async (verb, text) => {
        const verdict = await compare(oracle, verb, text);
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: 20_000 },
    );
    // The generator is of no use if it makes refusals only.
    for (const kind of ['session', 'tunnel', 'relay', 'node', 'debug', 'foreign', 'plain', 'refused']) {
      expect(verdicts.get(kind) ?? 0, kind).toBeGreaterThan(50);
    }
  });

  test('generated queries: a list is a watch here exactly when it is one there', async () => {
    await fc.assert(
      fc.asyncProperty(listTarget, async text => {
        await compare(oracle, 'GET', text);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });
});
