import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CastSubject } from '../../../src/recording/cast.ts';
import { headerLine, markerLine, outputLine, outputLines, resizeLine } from '../../../src/recording/cast.ts';

const SUBJECT: CastSubject = {
  command: ['sh', '-c', 'echo hi'],
  srcNode: 'laptop.tail0.ts.net',
  srcNodeID: 'nABC1CNTRL',
  srcNodeUserID: 42,
  srcNodeUser: 'ann@example.com',
  kubernetes: { PodName: 'web-0', Namespace: 'prod', Container: 'app', SessionType: 'exec' },
  kubewitness: {
    sessionId: 's1',
    auditId: 'a1',
    user: 'ann@example.com',
    groups: ['dev'],
    cluster: 'prod-eu',
    subprotocol: 'v5.channel.k8s.io',
  },
};

describe('the header', () => {
  test('has the keys of a Tailscale recording in their order, then ours', () => {
    expect(headerLine(SUBJECT, { cols: 100, rows: 30 }, 1_767_225_600.9).toString()).toBe(
      '{"version":2,"width":100,"height":30,"timestamp":1767225600,"command":"sh -c echo hi",' +
        '"srcNode":"laptop.tail0.ts.net","srcNodeID":"nABC1CNTRL","srcNodeUserID":42,' +
        '"srcNodeUser":"ann@example.com","env":null,"sshUser":"","localUser":"","connectionID":"",' +
        '"kubernetes":{"PodName":"web-0","Namespace":"prod","Container":"app","SessionType":"exec"},' +
        '"kubewitness":{"sessionId":"s1","auditId":"a1","user":"ann@example.com","groups":["dev"],' +
        '"cluster":"prod-eu","subprotocol":"v5.channel.k8s.io"}}\n',
    );
  });

  test('leaves out what an attach by a tagged node has not', () => {
    const { srcNodeUser: _user, srcNodeUserID: _id, ...rest } = SUBJECT;
    const header: unknown = JSON.parse(
      headerLine({ ...rest, command: [], srcNodeTags: ['tag:ci'] }, { cols: 80, rows: 24 }, 0).toString(),
    );
    expect(header).toMatchObject({ srcNodeTags: ['tag:ci'], timestamp: 0 });
    expect(header).not.toHaveProperty('command');
    expect(header).not.toHaveProperty('srcNodeUser');
    expect(header).not.toHaveProperty('srcNodeUserID');
  });

  test('an empty argument keeps its place B022', () => {
    const header: unknown = JSON.parse(
      headerLine({ ...SUBJECT, command: ['sh', '', 'x'] }, { cols: 80, rows: 24 }, 0).toString(),
    );
    expect(header).toHaveProperty('command', 'sh  x');
  });

  test('stays one line whatever the command says B106', () => {
    const command = ['<img src=x onerror=alert(1)>', '\u001b]0;x\u0007', 'a\n{"level":60}', '\u202e\u2028'];
    const line = headerLine({ ...SUBJECT, command }, { cols: 80, rows: 24 }, 0).toString();
    expect(line.slice(0, -1)).not.toMatch(/[\n\r\u2028\u2029]/);
    expect(JSON.parse(line)).toHaveProperty('command', command.join(' '));
  });
});

describe('an event', () => {
  test.each([
    ['output', outputLine(0.031, '/ # '), '[0.031,"o","/ # "]\n'],
    ['a size, columns first', resizeLine(2.5, { cols: 200, rows: 50 }), '[2.5,"r","200x50"]\n'],
    ['a marker', markerLine(3, 'gap'), '[3,"m","gap"]\n'],
  ])('is %s', (_name, line, expected) => {
    expect(line.toString()).toBe(expected);
  });

  test.each([
    [Number.NaN, '0'],
    [Number.POSITIVE_INFINITY, '0'],
    [-1, '0'],
    [-0, '0'],
    [1e-9, '0'],
    [0.000_001_4, '0.000001'],
    [0.1 + 0.2, '0.3'],
    [93_600.123_456_789, '93600.123457'],
  ])('at %d seconds says %s B103', (seconds, expected) => {
    expect(outputLine(seconds, 'x').toString()).toBe(`[${expected},"o","x"]\n`);
  });

  test('keeps BOM, NUL and control characters, and splits no line reader B050', () => {
    const text = Buffer.from('efbbbf41000e1b5b33316d225c0d0ae280a87f', 'hex').toString('utf8');
    const line = outputLine(1, `${text}\u2029\u0085`).toString();
    expect(line.trimEnd().split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(1);
    expect(JSON.parse(line)).toEqual([
      1,
      'o',
      `\ufeffA\u0000\u000e\u001b[31m"\\\r\n\u2028\u007f\u2029\u0085`,
    ]);
  });
});

test('long output becomes several lines, none over the bound and no character cut', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
      fc.integer({ min: 40, max: 200 }),
      (text, max) => {
        const lines = outputLines(1.25, text, max);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(max);
        const events = lines.map(line => JSON.parse(line.toString()) as unknown[]);
        expect(events.map(event => event[2]).join('')).toBe(text);
        for (const event of events)
          expect(event).toEqual([1.25, 'o', expect.stringMatching(/^[^\ufffd]+$/su)]);
      },
    ),
  );
});

test('a bound that no line can keep still ends', () => {
  expect(outputLines(0, '😀😀', 1).map(String)).toEqual(['[0,"o","😀"]\n', '[0,"o","😀"]\n']);
});
