import { describe, expect, test } from 'vitest';
import { readLine } from '../../../src/audit/chain.ts';
import { MAX_COMMAND_LENGTH, MAX_ITEMS, MAX_TEXT_LENGTH, redactCommand } from '../../../src/audit/redact.ts';
import { auditRecordSchema } from '../../../src/audit/schema.ts';
import { ulid } from '../../../src/audit/ulid.ts';
import { chainOf, EPOCH, recordOf, SAMPLES, started } from './samples.ts';

const configChanged = SAMPLES.find(sample => sample.type === 'config.changed');
if (configChanged === undefined) throw new Error('no sample of it');

describe('records', () => {
  test('there is a sample of every type', () => {
    const types = auditRecordSchema.options.map(option => option.shape.type.value);
    expect(SAMPLES.map(({ type }) => type).sort()).toEqual([...types].sort());
  });

  test.each(chainOf(SAMPLES).map(line => [recordOf(line).type, line] as const))(
    '%s is what the schema says',
    (_type, line) => {
      expect(auditRecordSchema.safeParse(JSON.parse(line)).error).toBeUndefined();
      expect(readLine(line)?.intact).toBe(true);
      expect(line).not.toContain('subject');
    },
  );

  test('who and from where are members of their own', () => {
    const [line = ''] = chainOf([started]);
    expect(JSON.parse(line)).toMatchObject({
      apiVersion: 'audit.kubewitness.dev/v1',
      user: { name: 'ann', uid: 'u-1', groups: ['dev', 'ops'], source: 'static' },
      client: { ip: '192.0.2.7', userAgent: 'kubectl/v1.36' },
    });
  });

  test('untrusted text stays inside one line', () => {
    const [line = ''] = chainOf([{ type: 'proxy.stopped', reason: 'a\n{"type":"fake"}\u2028\u0000\ud800' }]);
    expect(line).not.toMatch(/[\n\u0000]/);
    expect(readLine(line)?.intact).toBe(true);
  });

  test('every text and list has an end', () => {
    const [line = ''] = chainOf([{ ...configChanged, problems: Array(9_999).fill('é'.repeat(9_999)) }]);
    const record = recordOf(line);
    expect(record).toMatchObject({ problems: { length: MAX_ITEMS } });
    expect(record.type === 'config.changed' && record.problems[0]?.length).toBeLessThanOrEqual(
      MAX_TEXT_LENGTH,
    );
  });

  test('an unknown member is no record of this version', () => {
    const [line = ''] = chainOf([started]);
    expect(readLine(line.replace('{"apiVersion"', '{"extra":1,"apiVersion"'))).toBeUndefined();
  });
});

describe('commands in records', () => {
  test.each([
    [
      ['mysql', '--password=hunter2'],
      ['mysql', '--password=[redacted]'],
    ],
    [
      ['mysql', '--password', 'hunter2', 'db'],
      ['mysql', '--password', '[redacted]', 'db'],
    ],
    [
      ['app', '--password', '--verbose'],
      ['app', '--password', '--verbose'],
    ],
    [
      ['env', 'API_TOKEN=abc', 'HOME=/root'],
      ['env', 'API_TOKEN=[redacted]', 'HOME=/root'],
    ],
    [
      ['sh', '-c', 'export AWS_SECRET_ACCESS_KEY="a b"; curl -H "Authorization: Bearer abcdefgh" x'],
      ['sh', '-c', 'export AWS_SECRET_ACCESS_KEY=[redacted]; curl -H "Authorization: Bearer [redacted]" x'],
    ],
    [
      ['sh', '-c', 'login --token abc123 --user ann'],
      ['sh', '-c', 'login --token [redacted] --user ann'],
    ],
    [
      ['psql', 'postgres://ann:hunter2@db/x'],
      ['psql', 'postgres://ann:[redacted]@db/x'],
    ],
    [
      ['x', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.'],
      ['x', '[redacted]'],
    ],
    [
      ['cat', '/run/secrets/key'],
      ['cat', '/run/secrets/key'],
    ],
    [
      ['echo', 'tokens', 'are secret'],
      ['echo', 'tokens', 'are secret'],
    ],
    [[''], ['']],
  ])('%j is kept as %j', (argv, command) => {
    expect(redactCommand(argv)).toEqual({ command, cut: false });
  });

  test('a long one is cut, and says so', () => {
    const { command, cut } = redactCommand(Array(2_000).fill('x'.repeat(100)));
    expect(cut).toBe(true);
    expect(command.join(' ').length).toBeLessThanOrEqual(MAX_COMMAND_LENGTH);
    const [line = ''] = chainOf([{ ...started, command: Array(2_000).fill('x') }]);
    expect(JSON.parse(line)).toMatchObject({ commandCut: true });
  });

  test('a secret is not half shown because the text was cut in it', () => {
    const argument = `${'x'.repeat(MAX_TEXT_LENGTH - 20)} --password=${'z'.repeat(100)}`;
    expect(redactCommand([argument]).command.join()).not.toContain('z');
  });
});

describe('ulid', () => {
  test('the example of its specification, by time and by chance', () => {
    // github.com/ulid/spec: 01ARYZ6S41 is 1469918176385 ms.
    expect(ulid(1_469_918_176_385, new Uint8Array(10))).toBe('01ARYZ6S410000000000000000');
    expect(ulid(0, new Uint8Array(10).fill(255))).toBe('0000000000ZZZZZZZZZZZZZZZZ');
    expect(ulid(EPOCH)).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  });
});
