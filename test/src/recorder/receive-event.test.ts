import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { http1, newFolder, running } from './harness.ts';

const EVENT =
  '{"type":"kubernetes-api-request","id":"","timestamp":1767225600,"source":{"nodeUserID":9223372036854775807}}';

describe('events', () => {
  test('HEAD says that events are taken', async () => {
    const { recorder } = await running();
    expect(await http1(recorder, 'HEAD', '/v2/event')).toMatchObject({ status: 200 });
  });

  test('documents are appended as they were written, one a line', async () => {
    const { recorder, folder } = await running();
    const spread = EVENT.replace(/,/g, ',\n  ');
    expect(await http1(recorder, 'POST', '/v2/event', `${EVENT}\n`)).toMatchObject({ status: 200 });
    expect(await http1(recorder, 'POST', '/v2/event', spread)).toMatchObject({ status: 200 });
    const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).split('\n');
    expect(lines).toEqual([EVENT, EVENT.replace(/,/g, ',   '), '']);
  });

  test('many at once stay whole', async () => {
    const { recorder, folder } = await running();
    const documents = Array.from({ length: 20 }, (_, index) =>
      JSON.stringify({ index, pad: 'x'.repeat(10_000) }),
    );
    await Promise.all(documents.map(document => http1(recorder, 'POST', '/v2/event', document)));
    const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.sort()).toEqual(documents.sort());
  });

  test('a line torn by a crash is not glued to the next one', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'events.jsonl'), '{"torn":');
    const { recorder } = await running({ folder });
    await http1(recorder, 'POST', '/v2/event', EVENT);
    expect(await readFile(join(folder, 'events.jsonl'), 'utf8')).toBe(`{"torn":\n${EVENT}\n`);
  });

  test.each<[string, string | Buffer, number]>([
    ['no JSON', '{"a":', 400],
    ['nothing', '', 400],
    ['an array', '[1]', 400],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400],
    ['too large', JSON.stringify({ pad: 'x'.repeat(2000) }), 413],
  ])('%s is refused and not written', async (_name, body, status) => {
    const { recorder, folder } = await running({ limits: { maxEventBytes: 1000 } });
    expect((await http1(recorder, 'POST', '/v2/event', body)).status).toBe(status);
    await expect(readFile(join(folder, 'events.jsonl'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
