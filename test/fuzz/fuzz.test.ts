import { describe, expect, test } from 'vitest';
import { Random } from '../soak/random.ts';
import { numberIn } from '../soak/settings.ts';
import { fuzz, keep } from './engine.ts';
import { SUBJECTS } from './subjects.ts';

/*
 * CI tries the corpora and some hundred inputs more of each reader, the same ones each time. `npm run fuzz` goes on for as
 * long as it is told, from another seed each time, and says which.
 */

const { env } = process;
const isLong = env['LONG_RUN_MINUTES'] !== undefined;
const seed = numberIn(env, 'LONG_RUN_SEED', isLong ? Date.now() % 1_000_000 : 1);
const msEach = (numberIn(env, 'LONG_RUN_MINUTES', 0) * 60_000) / SUBJECTS.length;
const SHORT_INPUTS = { fast: 400, slow: 100 };

if (isLong) process.stdout.write(`fuzz: seed ${seed}, ${Math.round(msEach / 1000)} s for each reader\n`);

describe('whatever comes from outside, properties hold of the reader of', () => {
  test.each(SUBJECTS)('$name', { timeout: msEach + 120_000 }, async subject => {
    const enough = subject.slow === true ? SHORT_INPUTS.slow : SHORT_INPUTS.fast;
    const endMs = Date.now() + msEach;
    const more = (inputs: number): boolean => (isLong ? Date.now() < endMs : inputs < enough);
    const { inputs, reached, found } = await fuzz(subject, {
      random: new Random(seed),
      more,
      guided: isLong,
    });
    if (isLong) {
      process.stdout.write(
        `fuzz: ${subject.name}: ${inputs} inputs, ${reached} bytes of source, ${found.length} new\n`,
      );
    }
    expect(reached).toBeGreaterThan(0);
    if (env['LONG_RUN_KEEP'] !== undefined) await keep(subject, found);
  });
});
