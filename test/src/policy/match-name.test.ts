import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesName } from '../../../src/policy/match-name.ts';

const pattern = fc
  .array(fc.constantFrom('a', 'b', '-', '*'), { maxLength: 8 })
  .map(characters => characters.join(''));
const name = fc
  .array(fc.constantFrom('a', 'b', '-'), { maxLength: 8 })
  .map(characters => characters.join(''));

test('says what the same pattern as a regular expression says', () => {
  fc.assert(
    fc.property(pattern, name, (wanted, text) => {
      expect(matchesName(wanted, text)).toBe(new RegExp(`^${wanted.replaceAll('*', '.*')}$`).test(text));
    }),
  );
});

/** What `check --lost` builds on: a pattern stands for all that it means. */
test('a pattern that means another pattern as it is written means all that the other means', () => {
  fc.assert(
    fc.property(
      pattern,
      pattern,
      fc.array(name, { minLength: 8, maxLength: 8 }),
      (wide, narrow, fillings) => {
        fc.pre(matchesName(wide, narrow));
        const rest = [...fillings];
        const instance = narrow.replaceAll('*', () => rest.pop() ?? '');
        expect(matchesName(wide, instance)).toBe(true);
      },
    ),
  );
});
