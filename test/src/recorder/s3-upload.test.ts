import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { S3Error } from '../../../src/recorder/s3-client.ts';
import { progressPath, sizeOf, uploadFile } from '../../../src/recorder/s3-upload.ts';
import { newFolder } from './harness.ts';
import { Bucket, type Fate } from './s3-bucket.ts';

const MIB = 1024 * 1024;
const LIMITS = { partBytes: 5 * MIB };
const KEY = 'some.cast';

async function spooled(bytes: number) {
  const folder = await newFolder();
  const path = join(folder, KEY);
  const content = randomBytes(bytes);
  await writeFile(path, content);
  const bucket = await Bucket.start();
  const client = bucket.client({ prefix: 'team a/' });
  return {
    folder,
    path,
    bucket,
    client,
    content,
    upload: () => uploadFile(client, path, KEY, 'text/plain', LIMITS),
    stored: async () => Buffer.from(await (await client.send({ method: 'GET', key: KEY })).arrayBuffer()),
  };
}

/** The fate of the n-th request that matches; the others pass. */
function nth(n: number, matches: (target: string, method: string) => boolean, fate: Fate) {
  let count = 0;
  return ({ target, method }: { target: string; method: string }): Fate =>
    matches(target, method) && ++count === n ? fate : 'pass';
}

describe('a file on its way to the bucket', () => {
  test.each([0, 1, 5 * MIB])('%i bytes go in one request that overwrites nothing', async bytes => {
    const { bucket, content, upload, stored } = await spooled(bytes);
    await upload();
    expect((await stored()).equals(content)).toBe(true);
    const puts = bucket.seen.filter(({ method }) => method === 'PUT');
    expect(puts).toHaveLength(1);
    expect(puts[0]?.headers).toMatchObject({ 'if-none-match': '*', 'content-type': 'text/plain' });
    expect(puts[0]?.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('12 MiB go in parts of at least 5 MiB, and nothing is left beside the file', async () => {
    const { folder, bucket, content, upload, stored } = await spooled(12 * MIB);
    await upload();
    expect((await stored()).equals(content)).toBe(true);
    const sizes = bucket.seen
      .filter(({ method }) => method === 'PUT')
      .map(({ headers }) => Number(headers['content-length']));
    expect(sizes).toEqual([5 * MIB, 5 * MIB, 2 * MIB]);
    expect(await readdir(folder)).toEqual([KEY]);
  });

  test.each<[string, ReturnType<typeof nth>, number]>([
    ['the second part was refused', nth(1, target => target.includes('partNumber=2'), 503), 4],
    ['the second part’s answer was lost', nth(1, target => target.includes('partNumber=2'), 'lose'), 4],
    ['the connection broke at the third part', nth(1, target => target.includes('partNumber=3'), 'reset'), 4],
    [
      'the joining was refused',
      nth(1, (target, method) => method === 'POST' && target.includes('uploadId'), 500),
      3,
    ],
    [
      'the joining’s answer was lost',
      nth(1, (target, method) => method === 'POST' && target.includes('uploadId'), 'lose'),
      3,
    ],
  ])('%s: the next call goes on after the parts that were taken', async (_name, fate, parts) => {
    const { folder, bucket, content, upload, stored } = await spooled(12 * MIB);
    bucket.fate = fate;
    await expect(upload()).rejects.toBeInstanceOf(S3Error);
    await upload();
    expect((await stored()).equals(content)).toBe(true);
    expect(bucket.count('PUT', 'partNumber')).toBe(parts);
    expect(bucket.count('POST', /\?uploads/)).toBe(1);
    expect(await readdir(folder)).toEqual([KEY]);
  });

  test('an upload that the bucket has forgotten begins anew', async () => {
    const { path, content, upload, stored } = await spooled(6 * MIB);
    const parts = [{ number: 1, etag: '"gone"' }];
    await writeFile(progressPath(path), JSON.stringify({ uploadId: 'gone', partBytes: 5 * MIB, parts }));
    await expect(upload()).rejects.toMatchObject({ code: 'NoSuchUpload' });
    await upload();
    expect((await stored()).equals(content)).toBe(true);
  });

  test.each(['', '{"uplo', '[]', '{"uploadId":1}'])('a torn note %j begins anew', async note => {
    const { path, content, upload, stored } = await spooled(6 * MIB);
    await writeFile(progressPath(path), note);
    await upload();
    expect((await stored()).equals(content)).toBe(true);
  });

  test('an upload that began just before a crash, unnoted, is taken back', async () => {
    const { bucket, client, upload } = await spooled(6 * MIB);
    const begun = await client.text({ method: 'POST', key: KEY, query: { uploads: '' } });
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun)?.[1] ?? '';
    // The test server does not list open uploads: the answer is that of the S3 API reference.
    const xml = `<ListMultipartUploadsResult><Upload><UploadId>${uploadId}</UploadId></Upload></ListMultipartUploadsResult>`;
    bucket.fate = ({ method, target }) =>
      method === 'GET' && /\?uploads=&prefix=team\+a%2Fsome.cast$/.test(target) ? { xml } : 'pass';
    await upload();
    expect(bucket.count('DELETE', `uploadId=${uploadId}`)).toBe(1);
    const part = client.text({
      method: 'PUT',
      key: KEY,
      query: { partNumber: '1', uploadId },
      body: Buffer.from('x'),
    });
    await expect(part).rejects.toMatchObject({ code: 'NoSuchUpload' });
  });

  test('a joining that fails within its 200 is a failure', async () => {
    const { bucket, content, upload, stored } = await spooled(6 * MIB);
    const xml = '<Error><Code>InternalError</Code></Error>';
    bucket.fate = nth(1, (target, method) => method === 'POST' && target.includes('uploadId'), { xml });
    await expect(upload()).rejects.toMatchObject({ code: 'InternalError' });
    await upload();
    expect((await stored()).equals(content)).toBe(true);
  });

  test('what is in the bucket already is not sent again', async () => {
    const { bucket, upload } = await spooled(100);
    await upload();
    await upload();
    expect(bucket.count('PUT', KEY)).toBe(1);
  });

  test('a condition that fails means that an earlier call succeeded', async () => {
    const { bucket, upload, client } = await spooled(100);
    bucket.fate = nth(1, (_target, method) => method === 'PUT', 'lose');
    await expect(upload()).rejects.toBeInstanceOf(S3Error);
    expect(await sizeOf(client, KEY)).toBe(100);
    // The HEAD before the upload is what a slow bucket may not answer yet.
    let heads = 0;
    bucket.fate = ({ method }) =>
      method === 'HEAD' && ++heads === 1 ? 404 : method === 'PUT' ? 412 : 'pass';
    await upload();
  });

  test('an object of another size is an error, not a success', async () => {
    const { bucket, client, upload } = await spooled(100);
    await client.text({ method: 'PUT', key: KEY, body: Buffer.from('another') });
    bucket.fate = ({ method }) => (method === 'PUT' ? 412 : 'pass');
    await expect(upload()).rejects.toThrow('has 7 bytes in the bucket, not 100');
  });

  test('an error names what was asked, and no credential', async () => {
    const { bucket, upload } = await spooled(100);
    bucket.fate = () => 'reset';
    const error = await upload().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 0, code: 'ECONNRESET' });
    expect(String(error)).toContain(`HEAD ${KEY} got no answer`);
    expect(JSON.stringify(error) + String(error)).not.toMatch(/Credential|Signature/);
  });
});
