import { expect, test } from 'vitest';
import { bytes, clockTime, duration, ticking } from '../../../../src/live/page/format.ts';

test.each([
  [-5, '0 ms'],
  [420, '420 ms'],
  [999.6, '1.0 s'],
  [8_449, '8.4 s'],
  [59_999, '59.9 s'],
  [125_000, '2 min 05 s'],
  [11_520_000, '3 h 12 min'],
  [187_200_000, '2 d 4 h'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('what ticks has whole seconds', () => {
  expect([ticking(999), ticking(59_999), ticking(61_000)]).toEqual(['0 s', '59 s', '1 min 01 s']);
});

test('sizes', () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(5 * 1024 ** 2), bytes(3 * 1024 ** 3)]).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '5.0 MiB',
    '3.0 GiB',
  ]);
});

test('a time of another day carries its date', () => {
  const now = Date.parse('2026-03-01T12:00:00');
  expect(clockTime(new Date(now).toISOString(), now)).toBe('12:00:00');
  expect(clockTime(new Date(now - 86_400_000).toISOString(), now)).toBe('2026-02-28 12:00:00');
});
