import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { CastBlocks } from '../../../src/recorder/cast-blocks.ts';
import { CastCheck } from '../../../src/recorder/cast-check.ts';
import { type Manifest, manifestOf } from '../../../src/recorder/manifest.ts';
import { newRecordingId, storedName } from '../../../src/recorder/recording-id.ts';
import { verifyCast } from '../../../src/recorder/verify-cast.ts';
import { CAST, HEADER_LINE } from './harness.ts';

function manifestFor(text: string): Manifest {
  const bytes = Buffer.from(text);
  const id = newRecordingId(0);
  const check = new CastCheck();
  const blocks = new CastBlocks();
  check.push(bytes);
  blocks.push(bytes);
  return manifestOf({
    id,
    file: storedName(id, '.cast'),
    receivedAt: new Date(0),
    endedAt: new Date(0),
    origin: undefined,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    report: check.report(),
    blocks: blocks.list(),
    cutReason: undefined,
  });
}

function verify(manifest: Manifest, text: string, chunkBytes = 1000): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return verifyCast(manifest, Readable.from(chunks));
}

const lines = Array.from({ length: 20_000 }, (_, index) => `[${index},"o","line ${index}"]\n`);
const LONG = HEADER_LINE + lines.join('');

describe('verify', () => {
  test.each([CAST, LONG, `${CAST}[3,"o`, ''])('what is as it was recorded has no problem', async text => {
    expect(await verify(manifestFor(text), text)).toEqual([]);
    expect(await verify(manifestFor(text), text, 7)).toEqual([]);
  });

  test.each<[string, (text: string) => string, string[]]>([
    [
      'a changed character that is JSON still',
      text => text.replace('line 15000"', 'lime 15000"'),
      ['line 15002 is not what was recorded'],
    ],
    [
      'a change in the header',
      text => text.replace('"width":80', '"width":90'),
      ['line 1 is not what was recorded'],
    ],
    [
      'a change in the last line',
      text => text.replace('line 19999', 'lone 19999'),
      ['line 20001 is not what was recorded'],
    ],
    [
      'a lost newline',
      text => text.replace('line 9"]\n', 'line 9"] '),
      ['line 11 is not what was recorded', expect.stringContaining('not a whole cast: line 11')],
    ],
    [
      'a line in two blocks each',
      text => text.replace('line 1"', 'lime 1"').replace('line 15000"', 'lime 15000"'),
      ['line 3 is not what was recorded', 'line 15002 is not what was recorded'],
    ],
    [
      'two lines of one block',
      text => text.replace('line 1"', 'lime 1"').replace('line 9"', 'lime 9"'),
      ['lines 1 to 4096 are not all what was recorded'],
    ],
    [
      'a cut end',
      text => text.slice(0, text.indexOf('[15000,')),
      [
        expect.stringMatching(/^\d+ bytes long, \d+ were recorded$/),
        expect.stringMatching(/^lines \d+ to \d+ /),
      ],
    ],
    [
      'something appended',
      text => `${text}[20000,"o","more"]\n`,
      [expect.stringMatching(/bytes long/), 'not the bytes that were recorded'],
    ],
  ])('%s', async (_name, change, problems) => {
    expect(await verify(manifestFor(LONG), change(LONG))).toEqual(problems);
  });

  test('a manifest without blocks still tells that something changed', async () => {
    const { blocks: _, ...old } = manifestFor(CAST);
    expect(await verify(old, CAST.replace('80', '90'))).toEqual(['not the bytes that were recorded']);
  });
});
