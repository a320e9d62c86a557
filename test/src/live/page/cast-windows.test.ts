import { describe, expect, test } from 'vitest';
import {
  type CastBytes,
  CastWindows,
  secondsOf,
  WINDOW_BYTES,
} from '../../../../src/live/page/cast-windows.ts';

const HEADER = `${JSON.stringify({ version: 2, width: 80, height: 24 })}\n`;
const LINE_BYTES = 128;
const STEP_SECONDS = 0.01;
const never = new AbortController().signal;

/** A cast of so many lines, a hundredth of a second apart, that exists only where it is read. */
function generated(lines: number): CastBytes & { reads: number; readBytes: number } {
  const bytes = HEADER.length + lines * LINE_BYTES;
  return {
    bytes,
    reads: 0,
    readBytes: 0,
    async read(first, length) {
      const end = Math.min(first + length, bytes);
      const line = Math.max(0, Math.floor((first - HEADER.length) / LINE_BYTES));
      const parts = first < HEADER.length ? [HEADER] : [];
      const count = Math.ceil((end - HEADER.length) / LINE_BYTES) - line;
      for (let at = line; at < line + count; at++) parts.push(lineOf(at));
      const from = first < HEADER.length ? first : first - HEADER.length - line * LINE_BYTES;
      this.reads++;
      this.readBytes += end - first;
      return new TextEncoder().encode(parts.join('').slice(from, from + end - first));
    },
  };
}

function lineOf(at: number): string {
  const start = `[${(at * STEP_SECONDS).toFixed(6)},"o","line ${at} `;
  return `${start}${'.'.repeat(LINE_BYTES - start.length - 3)}"]\n`;
}

/** A cast that is held. */
function held(text: string): CastBytes {
  const bytes = new TextEncoder().encode(text);
  return {
    bytes: bytes.length,
    read: async (first, length) => bytes.subarray(first, first + length),
  };
}

describe('a cast of a gigabyte', () => {
  const lines = Math.floor(1024 ** 3 / LINE_BYTES);
  const whole = lines * STEP_SECONDS;

  test.each([0.000_01, 0.25, 0.5, 0.999])('is read at %d of its time in a few small reads', async share => {
    const source = generated(lines);
    const seconds = whole * share;
    const window = await new CastWindows(source).at(seconds, never);
    expect(window.fromSeconds).toBeLessThanOrEqual(seconds);
    expect(window.toSeconds).toBeGreaterThanOrEqual(seconds);
    // The moment is near the beginning of the window: what is before it is there for the screen.
    expect(window.toSeconds - seconds).toBeGreaterThan(Math.min(whole - seconds, 200) - 1);
    expect(source.reads).toBeLessThan(30);
    expect(source.readBytes).toBeLessThan(WINDOW_BYTES + 2 * 1024 * 1024);
  });

  test('goes on where a window ends, to the last', async () => {
    const windows = new CastWindows(generated(lines));
    const first = await windows.at(whole - 1000, never);
    expect(first.last).toBe(false);
    const second = await windows.at(first.toSeconds, never);
    expect(second.fromSeconds).toBeLessThanOrEqual(first.toSeconds);
    expect(second.toSeconds).toBeGreaterThan(first.toSeconds);
    expect((await windows.at(whole + 5, never)).last).toBe(true);
  });

  test('each window is a cast of its own that starts at 0', async () => {
    const window = await new CastWindows(generated(lines)).at(5000, never);
    const [header = '', first = '', ...rest] = window.data.split('\n');
    expect(`${header}\n`).toBe(HEADER);
    expect(secondsOf(first)).toBe(0);
    expect(rest.every(line => line === '' || Array.isArray(JSON.parse(line)))).toBe(true);
    expect(first).toContain(`line ${Math.round(window.fromSeconds / STEP_SECONDS)} `);
  });
});

describe('a small cast', () => {
  test('is one window, its times as they are', async () => {
    const text = `${HEADER}[0.5,"o","a"]\n[1.25,"o","é"]\n`;
    expect(await new CastWindows(held(text)).at(99, never)).toEqual({
      data: text,
      fromSeconds: 0,
      toSeconds: 1.25,
      last: true,
      fresh: true,
    });
  });

  test('may hold nothing but its header', async () => {
    expect((await new CastWindows(held(HEADER)).at(0, never)).data).toBe(HEADER);
  });

  test.each(['', 'no cast', '[0,"o","x"]\n'])('%j is refused', async text => {
    await expect(new CastWindows(held(text)).at(0, never)).rejects.toThrow('no header');
  });
});

test('a character or a line that a part cuts is left to the next part', async () => {
  const line = (at: number): string => `[${at}.0,"o","${'é'.repeat(50_000)}"]\n`;
  const text = HEADER + Array.from({ length: 100 }, (_, at) => line(at)).join('');
  const window = await new CastWindows(held(text)).at(60, never);
  expect(window.fromSeconds).toBeLessThanOrEqual(60);
  expect(window.data).not.toContain('\uFFFD');
  for (const each of window.data.trimEnd().split('\n')) JSON.parse(each);
});

test('a line that fills a window is said, not waited for', async () => {
  const text = `${HEADER}[0,"o","${'x'.repeat(WINDOW_BYTES * 2)}"]\n[9,"o","y"]\n`;
  await expect(new CastWindows(held(text)).at(0, never)).rejects.toThrow('longer than what is read at once');
});

describe('a window of a large cast', () => {
  const SECONDS = 100;
  const BYTES_A_SECOND = 100_000;
  /** A line a second, and others in between. */
  const castWith = (more: Readonly<Record<number, string>>): CastBytes =>
    held(
      HEADER +
        Array.from({ length: SECONDS }, (_, at) => {
          const line = `[${at}.0,"o","${'é'.repeat(BYTES_A_SECOND / 2)}"]\n`;
          return more[at] === undefined ? line : `${line}[${at}.5,${more[at]}]\n`;
        }).join(''),
    );
  const at = (moment: number, more: Readonly<Record<number, string>>) =>
    new CastWindows(castWith(more)).at(moment, never);

  test.each([
    ['is cleared', '"o","\\u001b[H\\u001b[2J"'],
    ['is cleared from its beginning', '"o","\\u001B[H\\u001B[J"'],
    ['is reset', '"o","bye\\u001bc"'],
    ['is changed for the other', '"o","\\u001b[?1049h"'],
  ])('begins where the screen %s, if that was lately', async (_name, event) => {
    const window = await at(80, { 60: event, 76: event, 90: event });
    expect([window.fromSeconds, window.fresh]).toEqual([76.5, true]);
    expect(window.data.split('\n')[1]).toBe(`[0.000000,${event}]`);
  });

  test('begins somewhat before the moment where it was not, and says so', async () => {
    const window = await at(80, { 20: '"o","\\u001b[2J"', 79: '"o","\\u001b[1;2H"' });
    expect(window.fresh).toBe(false);
    expect([77, 78]).toContain(window.fromSeconds);
  });

  test('has the size that the terminal had', async () => {
    const window = await at(80, { 75: '"r","132x50"', 76: '"o","\\u001b[2J"', 85: '"r","40x9"' });
    expect(window.data.split('\n').slice(1, 3)).toEqual([
      '[0.000000,"r","132x50"]',
      '[0.000000,"o","\\u001b[2J"]',
    ]);
    const warm = await at(75, { 71: '"r","99x9"', 74: '"r","40x9"' });
    expect(warm.data.split('\n')[1]).toBe('[0.000000,"r","99x9"]');
    expect(warm.data).toContain('"r","40x9"');
  });

  test('at the beginning lacks nothing', async () => {
    expect(await at(3, {})).toMatchObject({ fromSeconds: 0, fresh: true });
  });
});
