import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readExecOptions, writeExecQuery } from '../../../src/kube/exec-options.ts';

const none = { stdin: false, stdout: false, stderr: false, tty: false };

describe('the query of an exec', () => {
  test('commands keep their order, the empty one is kept, + is a space (B022)', () => {
    const query = "command=sh&command=-c&command=a%23b%26c+d%20%0A&command=&command='{}\\|^%60&stdin=true";
    const options = readExecOptions(query);
    expect(options).toEqual({
      command: ['sh', '-c', 'a#b&c d \n', '', "'{}\\|^`"],
      streams: { ...none, stdin: true },
      others: [],
    });
    expect(writeExecQuery(options)).toBe(
      'command=sh&command=-c&command=a%23b%26c+d+%0A&command=&command=%27%7B%7D%5C%7C%5E%60&stdin=true',
    );
  });

  test('what kubectl sends comes out as it came', () => {
    for (const query of [
      'command=sh&container=c&stdin=true&stdout=true&tty=true',
      'command=ls&command=-l&container=app-1&stderr=true&stdout=true',
      'command=echo&command=a+b%2Fc%3D%C3%A9~_.-&container=c&stdout=true',
    ]) {
      expect(writeExecQuery(readExecOptions(query))).toBe(query);
    }
  });

  test.each([
    ['stdout', true],
    ['stdout=', true],
    ['stdout=1', true],
    ['stdout=no', true],
    ['stdout=off', true],
    ['stdout=TRUE', true],
    ['stdout=00', true],
    ['%73tdout=true', true],
    ['stdout=true&stdout=false', true],
    ['stdout=0', false],
    ['stdout=false', false],
    ['stdout=FaLsE', false],
    ['stdout=false&stdout=true', false],
    ['STDOUT=true', false],
    ['', false],
  ])('?%s', (query, stdout) => {
    expect(readExecOptions(`stdin=1&${query}`).streams.stdout).toBe(stdout);
  });

  test('a terminal has no stderr of its own', () => {
    const options = readExecOptions('stdin=true&stdout=true&stderr=true&tty=');
    expect(options.streams).toEqual({ stdin: true, stdout: true, stderr: false, tty: true });
    expect(writeExecQuery(options)).toBe('stdin=true&stdout=true&tty=true');
  });

  test.each([
    ['command=id', 'no stream'],
    ['', 'no stream'],
    ['tty=true&stderr=true', 'only the stream that a terminal does not have'],
    ['stdout=1&command=a;b', 'a semicolon'],
    ['stdout=1&;', 'a semicolon alone'],
    ['stdout=1&command=%', 'a bad escape'],
    ['stdout=1&command=%zz', 'a bad escape'],
    ['stdout=1&%6=1', 'a bad escape in a name'],
    ['stdout=1&command=%ff', 'bytes that are not UTF-8'],
  ])('?%s is refused: %s', query => {
    expect(() => readExecOptions(query)).toThrow(expect.objectContaining({ code: 'KW_BAD_REQUEST' }));
  });

  test('an escaped semicolon is a character like others', () => {
    expect(readExecOptions('command=a%3Bb&stdout=1').command).toEqual(['a;b']);
  });

  test('names that are not known go on behind the known ones', () => {
    const options = readExecOptions('new=%20x&stdout=1&dryRun=All&container=c&container=d&new=');
    expect(options.container).toBe('c');
    expect(writeExecQuery(options)).toBe('container=c&stdout=true&new=+x&dryRun=All&new=');
  });

  test('an attach runs no command, whatever the query says (B019)', () => {
    const options = readExecOptions('command=innocent&stdout=1', 'attach');
    expect(options.command).toEqual([]);
    expect(writeExecQuery(options)).toBe('stdout=true&command=innocent');
  });
});

/** A reader of its own: what `application/x-www-form-urlencoded` means, for queries without bad escapes. */
function pairs(query: string): string[] {
  return [...new URLSearchParams(query)].map(pair => JSON.stringify(pair)).sort();
}

describe('generated queries', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  const options = fc.record({
    command: fc.array(text, { maxLength: 4 }),
    container: fc.constantFrom('c', 'a b', '%', '&=+;#'),
    streams: fc.record({
      stdin: fc.constant(true),
      stdout: fc.boolean(),
      stderr: fc.constant(false),
      tty: fc.boolean(),
    }),
    others: fc
      .array(fc.tuple(text, text), { maxLength: 3 })
      .map(found => found.filter(([name]) => !/^(command|container|std.*|tty)$/.test(name))),
  });

  test('what is written reads as what it was', () => {
    fc.assert(
      fc.property(options, given => {
        const query = writeExecQuery(given);
        expect(readExecOptions(query)).toEqual(given);
        expect(query).toMatch(/^[A-Za-z0-9\-_.~+%=&]*$/);
        expect(writeExecQuery(readExecOptions(query))).toBe(query);
        expect(pairs(query)).toContain(JSON.stringify(['container', given.container]));
      }),
    );
  });
});
