import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { credentialsSource } from '../../../src/cli/recordings-credentials.ts';
import { byteCount } from '../../../src/cli/recordings-recorder-options.ts';
import { recordingTable } from '../../../src/cli/recordings-table.ts';
import { tokensIn } from '../../../src/cli/recordings-tokens.ts';
import { manifestAt } from '../recorder/manifests.ts';

async function fileWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kubewitness-options-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  await writeFile(file, text);
  return file;
}

describe('sizes', () => {
  test.each([
    ['1', 1],
    ['512Ki', 524_288],
    ['3Mi', 3_145_728],
    ['10Gi', 10_737_418_240],
  ])('%s', (text, bytes) => {
    expect(byteCount(text)).toBe(bytes);
  });

  test.each(['', '0', '-1', '1.5Gi', '1G', '10 Mi', '9999999999999Ti'])('%j is none', text => {
    expect(() => byteCount(text)).toThrow('number of bytes');
  });
});

describe('token files', () => {
  test('one token a line, with comments', () => {
    const text = '# uploaders\nsixteen-characters\n\n  another.token~0123/+=  \n';
    expect(tokensIn(text, 'a.tokens')).toEqual(['sixteen-characters', 'another.token~0123/+=']);
  });

  test.each([
    ['', 'holds no token'],
    ['# only this\n', 'holds no token'],
    ['two words in one line\n', 'no bearer token'],
    ['short-secret\n', 'fewer than 16'],
  ])('%j is an error that names the file and quotes nothing', (text, reason) => {
    const read = () => tokensIn(text, 'a.tokens');
    expect(read).toThrow(reason);
    expect(read).toThrow('a.tokens');
    expect(read).not.toThrow(/secret|two words/);
  });
});

describe('credentials of the bucket', () => {
  test('from the environment, with and without a session', async () => {
    const environment = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' };
    expect(await credentialsSource(undefined, environment)()).toEqual({
      accessKeyId: 'id',
      secretAccessKey: 'key',
    });
    const session = { ...environment, AWS_SESSION_TOKEN: 'session' };
    expect(await credentialsSource(undefined, session)()).toMatchObject({ sessionToken: 'session' });
  });

  test('from a file, read anew each time', async () => {
    const file = await fileWith('[default]\naws_access_key_id = one\naws_secret_access_key=k/+=\n');
    const source = credentialsSource(file, {});
    expect(await source()).toEqual({ accessKeyId: 'one', secretAccessKey: 'k/+=' });
    await writeFile(file, 'aws_access_key_id=two\naws_secret_access_key=k\naws_session_token=s\n');
    expect(await source()).toEqual({ accessKeyId: 'two', secretAccessKey: 'k', sessionToken: 's' });
  });

  test.each([
    ['aws_access_key_id = quoted\n', 'lacks the lines'],
    ['aws_access_key_id = quoted\naws_access_key_id = b\n', 'aws_access_key_id twice'],
  ])('%j is an error that quotes nothing', async (text, reason) => {
    const error = await credentialsSource(await fileWith(text), {})().catch((thrown: unknown) =>
      String(thrown),
    );
    expect(error).toContain(reason);
    expect(error).not.toContain('quoted');
  });

  test('none are a clear error', async () => {
    await expect(credentialsSource(undefined, { AWS_ACCESS_KEY_ID: 'id' })()).rejects.toThrow(
      'no S3 credentials',
    );
  });
});

describe('the table of recordings', () => {
  test('one line each, in columns', () => {
    const table = recordingTable([
      manifestAt(0, { user: 'ann', namespace: 'shop', pod: 'web', container: 'app', command: 'sh' }),
      manifestAt(1000, { complete: false, bytes: 12_345 }),
    ]);
    expect(table.map(line => line.replace(/[0-9a-f]{32}/, '<id>'))).toEqual([
      'RECEIVED                  ID                                USER  POD           COMMAND  SECONDS  BYTES  COMPLETE\n',
      '2026-01-01T00:00:00.000Z  <id>  ann   shop/web/app  sh       1.0      100    yes\n',
      '2026-01-01T00:00:01.000Z  <id>  -     -             -        1.0      12345  no: cut\n',
    ]);
  });

  test('no control character of a session reaches the terminal', () => {
    const command = '\x1b]0;title\x07\u009b31m\u202eevil\n'.padEnd(200, 'x');
    const [, line = ''] = recordingTable([manifestAt(0, { command })]);
    expect(line).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u);
    expect(line).toContain('·]0;title··31m·evil·');
    expect(line.length).toBeLessThan(160);
  });
});
