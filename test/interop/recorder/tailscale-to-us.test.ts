import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { CastSubject } from '../../../src/recording/cast.ts';
import { headerLine } from '../../../src/recording/cast.ts';
import { CAST, HEADER_LINE, onlyManifest, type RunOptions, running } from '../../src/recorder/harness.ts';
import { buildGo, describeWithGo } from '../go-program.ts';
import { SUBJECT } from './our-session.ts';
import { run, runUpload, type TailscaleResult } from './tailscale-upload.ts';

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** 3 MiB in lines of all lengths: many HTTP/2 windows, many acks. */
const BIG_CAST = `${HEADER_LINE}${Array.from({ length: 2048 }, (_, at) => `${JSON.stringify([at / 100, 'o', `${at} é `.repeat(at % 400)])}\n`).join('')}`;

describeWithGo("Tailscale's client and our recorder", () => {
  let binary: string;
  beforeAll(async () => {
    binary = await buildGo('recorder/upload');
  });

  async function start(options: RunOptions = {}) {
    const { recorder, folder, log } = await running(options);
    const address = `127.0.0.1:${recorder.port}`;
    const stored = async (): Promise<Buffer> => {
      const { file } = await onlyManifest(recorder);
      return readFile(join(folder, String(file)));
    };
    return { recorder, folder, log, address, stored };
  }

  describe.each([
    ['v2', []],
    ['v1', ['-v1']],
  ] as const)('%s', (protocol, flags) => {
    const upload = (args: readonly string[], stdin = ''): Promise<TailscaleResult | undefined> =>
      runUpload(binary, [...flags, ...args], stdin);

    test.each([
      ['small', CAST],
      ['of megabytes', BIG_CAST],
    ])('a cast, %s, is stored whole', async (_size, cast) => {
      const { recorder, address, stored } = await start();
      const result = await upload(['cast', address], cast);
      expect(result).toEqual({
        attempts: [{ recorder: address, failure: '' }],
        bytes: Buffer.byteLength(cast),
        sha256: sha256(cast),
        error: '',
      });
      expect(await onlyManifest(recorder)).toMatchObject({
        complete: true,
        protocol,
        bytes: result?.bytes,
        sha256: result?.sha256,
        events: cast.split('\n').length - 2,
      });
      expect(sha256(await stored())).toBe(result?.sha256);
    });

    test('what its own cast writer writes is a whole recording, its header understood', async () => {
      const { recorder, address, stored } = await start();
      const result = await upload(['session', address]);
      expect(result).toMatchObject({ error: '' });
      expect(await onlyManifest(recorder)).toMatchObject({
        complete: true,
        protocol,
        sha256: result?.sha256,
        events: 4,
        header: {
          width: 100,
          height: 30,
          command: 'sh -l',
          srcNode: 'laptop.tail0.ts.net',
          srcNodeUser: 'ann@example.com',
          kubernetes: { PodName: 'web-0', Namespace: 'prod', Container: 'app', SessionType: 'exec' },
        },
      });
      const events = (await stored()).toString().split('\n').slice(1, -1);
      expect(
        events.map(line => z.tuple([z.number(), z.string(), z.string()]).parse(JSON.parse(line)).slice(1)),
      ).toEqual([
        ['o', '/ # <&>\u2028é\x1b[0m'],
        ['r', '40x120'],
        ['o', '\ufffd\ufffd'],
        ['o', '\ufffd\ufffd\0'],
      ]);
    });

    test('the proxy dies: what came is kept, and is not complete', async () => {
      const { recorder, log, address } = await start();
      expect(await upload(['-end', 'die', 'cast', address], BIG_CAST)).toBeUndefined();
      await log.seen('recording stored, not complete');
      expect(await onlyManifest(recorder)).toMatchObject({ complete: false, protocol });
    });

    test('a recording that is too large is a failure there too', async () => {
      const { recorder, log, address } = await start({ limits: { maxRecordingBytes: 100_000 } });
      const result = await upload(['cast', address], BIG_CAST);
      expect(result?.error).toContain(protocol === 'v2' ? 'larger than 100000 bytes' : '507');
      await log.seen('recording stored, not complete');
      expect(await onlyManifest(recorder)).toMatchObject({ complete: false, bytes: 100_000 });
    });
  });

  test('a session that is cancelled over v2 is not complete', async () => {
    const { recorder, log, address } = await start();
    await runUpload(binary, ['-end', 'cancel', 'cast', address], BIG_CAST);
    await log.seen('recording stored, not complete');
    expect(await onlyManifest(recorder)).toMatchObject({ complete: false, protocol: 'v2' });
  });

  // Over v1 only. Tailscale's client of 1.102 never comes back from any answer but 200 to its POST /v2/record: closing
  // the answer waits for the body, and the body waits for a session that has not begun.
  test('a recorder that is full is passed over for the next', async () => {
    const full = await start({ limits: { maxConcurrentUploads: 0 } });
    const next = await start();
    const result = await runUpload(binary, ['cast', full.address, next.address], CAST);
    expect(result).toMatchObject({
      attempts: [
        { recorder: full.address, failure: expect.stringContaining('503') },
        { recorder: next.address, failure: '' },
      ],
      error: '',
    });
    expect(await onlyManifest(next.recorder)).toMatchObject({ complete: true });
  });

  test('an event of theirs is stored as it came', async () => {
    const { folder, address } = await start();
    const event = { type: 'kubernetes-api-request', id: '', source: { nodeUserID: 42 } };
    const line = `${JSON.stringify(event).replace('42', '9007199254740993')}\n`;
    expect(await runUpload(binary, ['event', address], line)).toMatchObject({ error: '' });
    expect(await readFile(join(folder, 'events.jsonl'), 'utf8')).toBe(line);
  });

  test('an event that is not JSON is refused with a status and a reason', async () => {
    const { address } = await start();
    const result = await runUpload(binary, ['event', address], 'hello');
    expect(result?.error).toMatch(/400.*the event is not JSON/s);
  });

  test.each<[string, Partial<CastSubject>]>([
    ['of a user', { srcNodeUserID: 42, srcNodeUser: 'ann@example.com' }],
    ['of a tagged node', { srcNodeTags: ['tag:ci', 'tag:prod'], command: [] }],
  ])('our cast header, %s, is theirs key by key, and ours follows', async (_caller, caller) => {
    const ours = headerLine({ ...SUBJECT, ...caller }, { cols: 100, rows: 30 }, 1_767_225_600).toString();
    const theirs = await run(binary, ['header'], ours);
    const start = `${theirs.trimEnd().slice(0, -1)},"kubewitness":{`;
    expect(ours.slice(0, start.length)).toBe(start);
  });
});
