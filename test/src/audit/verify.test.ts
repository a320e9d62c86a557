import { describe, expect, test } from 'vitest';
import { isTorn, NO_HASH, nextLine } from '../../../src/audit/chain.ts';
import type { Problem } from '../../../src/audit/verify.ts';
import { Verifier } from '../../../src/audit/verify.ts';
import { chainOf, recordOf, refused } from './samples.ts';

const CHAIN = chainOf(Array.from({ length: 6 }, (_, at) => ({ ...refused, message: `m${at + 1}` })));

function verify(lines: readonly string[], options: ConstructorParameters<typeof Verifier>[0] = {}) {
  const verifier = new Verifier(options);
  for (const [at, line] of lines.entries()) verifier.line(line, { file: 'a', number: at + 1 });
  return verifier.finish();
}

/** The nth record with another message and a hash that fits it: what somebody does who knows the format. */
function forged(seq: number): string {
  const before = recordOf(CHAIN[seq - 2] ?? '');
  const { replica, id, time } = recordOf(CHAIN[seq - 1] ?? '');
  const end = { replica, seq: seq - 1, hash: before.hash, id: before.id };
  return nextLine(end, { id, time }, { ...refused, message: 'forged' }).line;
}

function edited(edit: (lines: string[]) => void): string[] {
  const lines = [...CHAIN];
  edit(lines);
  return lines;
}

describe('audit verify', () => {
  test('a line of a million NULs that ends otherwise is read in one pass', () => {
    expect(isTorn(`${'\0'.repeat(1_000_000)}x`)).toBe(false);
    expect(isTorn('\0'.repeat(1_000_000))).toBe(true);
  });

  test('a whole chain has no problem, and a head', () => {
    const { hash } = recordOf(CHAIN[5] ?? '');
    expect(verify(CHAIN)).toEqual({
      problems: [],
      torn: [],
      chains: [
        expect.objectContaining({
          replica: 'test-00000001',
          records: 6,
          firstSeq: 1,
          lastSeq: 6,
          head: hash,
        }),
      ],
    });
  });

  test.each<[string, string[], [Problem['kind'], number][]]>([
    [
      'a changed line',
      edited(lines => lines.splice(2, 1, (lines[2] ?? '').replace('m3', 'mX'))),
      [['changed', 3]],
    ],
    [
      'a space put into a line',
      edited(lines => lines.splice(2, 1, (lines[2] ?? '').replace('"seq":', '"seq": '))),
      [['changed', 3]],
    ],
    [
      'a changed line with a hash that fits',
      edited(lines => lines.splice(2, 1, forged(3))),
      [['changed', 3]],
    ],
    ['a missing line', edited(lines => lines.splice(2, 1)), [['missing', 3]]],
    ['two missing lines', edited(lines => lines.splice(2, 2)), [['missing', 3]]],
    ['a missing first line', CHAIN.slice(1), [['missing', 1]]],
    [
      'two lines that changed places',
      edited(lines => lines.splice(2, 2, lines[3] ?? '', lines[2] ?? '')),
      [['reordered', 4]],
    ],
    ['a line moved to the end', edited(lines => lines.push(...lines.splice(1, 1))), [['reordered', 6]]],
    ['a line said twice', edited(lines => lines.splice(3, 0, lines[2] ?? '')), [['inserted', 4]]],
    ['an old line said again', edited(lines => lines.splice(5, 0, lines[0] ?? '')), [['inserted', 6]]],
    ['a line put in after the real one', edited(lines => lines.splice(3, 0, forged(3))), [['inserted', 4]]],
    ['a line put in before the real one', edited(lines => lines.splice(2, 0, forged(3))), [['inserted', 3]]],
    [
      'a line put in at the end beside the real one',
      edited(lines => lines.push(forged(6))),
      [['inserted', 7]],
    ],
    ['text put in', edited(lines => lines.splice(2, 0, 'hello')), [['inserted', 3]]],
    ['text at the end', edited(lines => lines.push('hello')), [['inserted', 7]]],
    [
      'half a line put in',
      edited(lines => lines.splice(2, 0, (lines[2] ?? '').slice(0, 99))),
      [['inserted', 3]],
    ],
    [
      'a line replaced by text',
      edited(lines => lines.splice(2, 1, 'hello')),
      [
        ['inserted', 3],
        ['missing', 4],
      ],
    ],
  ])('names %s', (_name, lines, problems) => {
    expect(verify(lines).problems.map(({ kind, number }) => [kind, number])).toEqual(problems);
  });

  test('a last line that is being written is no problem', () => {
    expect(verify([...CHAIN.slice(0, 5), (CHAIN[5] ?? '').slice(0, 80)])).toMatchObject({
      problems: [],
      torn: [{ number: 6 }],
    });
  });

  test('a cut-off end shows against a head that was noted down', () => {
    const { hash } = recordOf(CHAIN[5] ?? '');
    expect(verify(CHAIN, { heads: [hash] }).problems).toEqual([]);
    expect(verify(CHAIN.slice(0, 5)).problems).toEqual([]);
    expect(verify(CHAIN.slice(0, 5), { heads: [hash] }).problems).toMatchObject([
      { kind: 'missing', message: expect.stringContaining(hash) },
    ]);
  });

  test('older files may lie elsewhere when that is said', () => {
    expect(verify(CHAIN.slice(3), { archived: true }).problems).toEqual([]);
  });

  test('chains of several replicas are followed each by itself', () => {
    const other = chainOf(Array(6).fill(refused), 'two-00000002');
    const mixed = CHAIN.flatMap((line, at) => [line, other[at] ?? '']);
    expect(verify(mixed)).toMatchObject({ problems: [], chains: [{ records: 6 }, { records: 6 }] });
    mixed.splice(5, 1);
    expect(verify(mixed).problems).toMatchObject([{ kind: 'missing' }]);
  });

  test('a first record that follows another is told', () => {
    const end = { replica: 'x-00000001', seq: 0, hash: '1'.repeat(64), id: '' };
    const { line } = nextLine(end, { id: '0'.repeat(26), time: '2026-01-01T00:00:00.000Z' }, refused);
    expect(end.hash).not.toBe(NO_HASH);
    expect(verify([line]).problems).toMatchObject([{ kind: 'changed', number: 1 }]);
  });
});
