import { describe, expect, test } from 'vitest';
import { CastCheck, type CastCheckLimits, castFault } from '../../../src/recorder/cast-check.ts';
import { CAST, HEADER_LINE } from './harness.ts';

function checked(text: string | Buffer, limits?: CastCheckLimits, step = Number.POSITIVE_INFINITY) {
  const bytes = Buffer.from(text);
  const check = new CastCheck(limits);
  for (let at = 0; at < bytes.length; at += step) check.push(bytes.subarray(at, at + step));
  return check.report();
}

describe('cast check', () => {
  test('a whole cast has its header, its events and its duration', () => {
    expect(checked(CAST)).toEqual({
      header: { width: 80, height: 24, timestamp: 1767225600 },
      events: 2,
      durationSeconds: 1.25,
      problem: undefined,
      tornBytes: 0,
    });
  });

  test('chunk borders carry no meaning', () => {
    const text = `${CAST}[2,"o"`;
    const whole = checked(text);
    for (let step = 1; step < text.length; step++) expect(checked(text, undefined, step)).toEqual(whole);
  });

  test("a header like the reference's is taken, and only what matters is kept", () => {
    const header = {
      version: 2,
      width: 0,
      height: 0,
      timestamp: 1767225600,
      command: 'sh -c id',
      srcNode: 'laptop.tail0.ts.net',
      srcNodeID: 'nABC1CNTRL',
      srcNodeUserID: 42,
      srcNodeUser: 'ann@example.com',
      env: null,
      sshUser: '',
      kubernetes: { PodName: 'web-0', Namespace: 'prod', Container: 'app', SessionType: 'exec', Other: 1 },
      kubewitness: { sessionId: 's-1', groups: ['dev'] },
    };
    expect(checked(`${JSON.stringify(header)}\n`).header).toEqual({
      width: 0,
      height: 0,
      timestamp: 1767225600,
      command: 'sh -c id',
      srcNode: 'laptop.tail0.ts.net',
      srcNodeUser: 'ann@example.com',
      kubernetes: { PodName: 'web-0', Namespace: 'prod', Container: 'app', SessionType: 'exec' },
      kubewitness: { sessionId: 's-1', groups: ['dev'] },
    });
  });

  const event = (line: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${HEADER_LINE}[0,"o","x"]\n`), Buffer.from(line)]);
  const notEvent = 'line 3: not a [time, code, text] event';
  test.each<[string, string | Buffer, string | undefined]>([
    ['a header without events', HEADER_LINE, undefined],
    ['nothing at all', '', 'no whole header line'],
    [
      'half a header',
      '{"version":2',
      'no whole header line; the last line is torn (12 bytes without a newline)',
    ],
    ['a header that is no JSON', 'SSH-2.0-x\n', 'line 1: the header is not JSON'],
    ['a header that is an array', '[0,"o","x"]\n', 'line 1: the header is not a JSON object'],
    ['asciicast v3', '{"version":3}\n', 'line 1: the header is not of asciicast version 2'],
    ['a header without a size', '{"version":2}\n', 'line 1: the header has no width and height'],
    [
      'a negative size',
      '{"version":2,"width":-1,"height":1}\n',
      'line 1: the header has no width and height',
    ],
    ['an event that is an object', event('{}\n'), notEvent],
    ['an empty line', event('\n'), notEvent],
    ['two fields', event('[1,"o"]\n'), notEvent],
    ['four fields', event('[1,"o","x",2]\n'), notEvent],
    ['a time in quotes', event('["1","o","x"]\n'), notEvent],
    ['a time without end', event('[1e999,"o","x"]\n'), notEvent],
    ['a time before the start', event('[-1,"o","x"]\n'), notEvent],
    ['a code that is a number', event('[1,2,"x"]\n'), notEvent],
    ['data that is null', event('[1,"o",null]\n'), notEvent],
    ['two events on a line', event('[1,"o","x"][2,"o","y"]\n'), notEvent],
    ['bytes that are not UTF-8', event(Buffer.from('5b312c226f222c22ff225d0a', 'hex')), 'line 3: not UTF-8'],
    ['a torn event', event('[1,"o"'), 'the last line is torn (6 bytes without a newline)'],
    [
      'a last line without its newline',
      event('[1,"o","x"]'),
      'the last line is torn (11 bytes without a newline)',
    ],
  ])('%s', (_name, text, fault) => {
    expect(castFault(checked(text))).toBe(fault);
  });

  test('the first bad line is the one named, and lines are counted on', () => {
    const report = checked(`${HEADER_LINE}[1,"o","x"]\nbad\nworse\n[9,"o","x"]\n`);
    expect(report).toMatchObject({ events: 4, durationSeconds: 1, problem: { line: 3 } });
  });

  test.each([1, 7, 1000])('lines are bounded, in chunks of %i bytes', step => {
    const limits = { maxHeaderBytes: HEADER_LINE.length - 1, maxLineBytes: 20 };
    const fits = `[1,"o","${'x'.repeat(10)}"]\n`;
    const long = `[1,"o","${'x'.repeat(11)}"]\n`;
    expect(castFault(checked(HEADER_LINE + fits, limits, step))).toBeUndefined();
    expect(castFault(checked(HEADER_LINE + fits + long, limits, step))).toBe('line 3: longer than 20 bytes');
    expect(castFault(checked(` ${HEADER_LINE}`, limits, step))).toMatch(/^line 1: longer than \d+ bytes$/);
  });
});
