import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { isObject } from './cast-header.ts';
import { replaceFile } from './durable-file.ts';
import { type S3Client, S3Error } from './s3-client.ts';
import { escapeXml, xmlValue, xmlValues } from './s3-xml.ts';
import { errnoOf } from './storage.ts';

export interface S3UploadLimits {
  /** Bytes of one part, and of what goes in one request. S3 takes no part under 5 MiB but the last. */
  readonly partBytes: number;
}

export const DEFAULT_S3_UPLOAD_LIMITS: S3UploadLimits = { partBytes: 8 * 1024 * 1024 };

const MAX_PARTS = 10_000;

interface PartDone {
  readonly number: number;
  readonly etag: string;
}

/** What stands beside a spooled file while its parts go out. */
interface Progress {
  readonly uploadId: string;
  readonly partBytes: number;
  readonly parts: readonly PartDone[];
}

/**
 * Puts a finished file into the bucket under a key of its own. A crash, or a failure, is followed by another call with
 * the same arguments, which goes on after the last part that was taken. Resolves once the bucket says that the object
 * is there with the right size. At most one part is in memory.
 */
export async function uploadFile(
  client: S3Client,
  path: string,
  key: string,
  contentType: string,
  limits: S3UploadLimits = DEFAULT_S3_UPLOAD_LIMITS,
): Promise<void> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if ((await sizeOf(client, key)) === size) {
      await dropProgress(client, key, path);
      return;
    }
    const headers = { 'content-type': contentType };
    if (size <= limits.partBytes) await putOnce(client, key, headers, await readPart(handle, 0, size));
    else await putInParts(client, key, headers, handle, size, path, limits);
    const stored = await sizeOf(client, key);
    if (stored !== size) throw new S3Error(0, '', `${key} has ${stored} bytes in the bucket, not ${size}`);
    await rm(progressPath(path), { force: true });
  } finally {
    await handle.close();
  }
}

/** Undefined: no such object. */
export async function sizeOf(client: S3Client, key: string): Promise<number | undefined> {
  try {
    const response = await client.send({ method: 'HEAD', key });
    return Number(response.headers.get('content-length'));
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return undefined;
    throw error;
  }
}

/** Keys are unique, so an object that is there already is our own; the size tells whether it is whole. */
async function putOnce(
  client: S3Client,
  key: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<void> {
  try {
    await client.text({ method: 'PUT', key, headers: { ...headers, 'if-none-match': '*' }, body });
  } catch (error) {
    if (!(error instanceof S3Error && error.status === 412)) throw error;
  }
}

async function putInParts(
  client: S3Client,
  key: string,
  headers: Readonly<Record<string, string>>,
  handle: FileHandle,
  size: number,
  path: string,
  limits: S3UploadLimits,
): Promise<void> {
  let progress = (await readProgress(path)) ?? (await begin(client, key, headers, size, limits));
  await writeProgress(path, progress);
  try {
    for (let start = progress.parts.length * progress.partBytes; start < size; start += progress.partBytes) {
      const number = progress.parts.length + 1;
      const body = await readPart(handle, start, Math.min(progress.partBytes, size - start));
      const query = { partNumber: String(number), uploadId: progress.uploadId };
      const response = await client.send({ method: 'PUT', key, query, body });
      const etag = response.headers.get('etag');
      await response.arrayBuffer();
      if (etag === null) throw new S3Error(response.status, '', `part ${number} of ${key} got no ETag`);
      progress = { ...progress, parts: [...progress.parts, { number, etag }] };
      await writeProgress(path, progress);
    }
    await complete(client, key, progress);
  } catch (error) {
    // The bucket has forgotten the upload (a lifecycle rule, or our answer was lost): the next call starts afresh.
    if (error instanceof S3Error && error.code === 'NoSuchUpload')
      await rm(progressPath(path), { force: true });
    throw error;
  }
}

/** A crash may have come between the bucket's answer and our note of it: what is left of that goes first. */
async function begin(
  client: S3Client,
  key: string,
  headers: Readonly<Record<string, string>>,
  size: number,
  { partBytes }: S3UploadLimits,
): Promise<Progress> {
  const prefix = `${client.place.prefix}${key}`;
  const open = await client.text({ method: 'GET', query: { uploads: '', prefix } });
  for (const uploadId of xmlValues(open, 'UploadId')) await abort(client, key, uploadId);
  const answer = await client.text({ method: 'POST', key, headers, query: { uploads: '' } });
  const uploadId = xmlValue(answer, 'UploadId');
  if (uploadId === undefined) throw new S3Error(200, '', `the bucket began no upload of ${key}`);
  return { uploadId, partBytes: Math.max(partBytes, Math.ceil(size / MAX_PARTS)), parts: [] };
}

async function complete(client: S3Client, key: string, { uploadId, parts }: Progress): Promise<void> {
  const list = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
  const answer = await client.text({
    method: 'POST',
    key,
    query: { uploadId },
    headers: { 'content-type': 'application/xml', 'if-none-match': '*' },
    body,
  });
  // S3 may say 200, then find that it cannot, and say that in the body.
  const code = xmlValue(answer, 'Code');
  if (code !== undefined) throw new S3Error(200, code, `the parts of ${key} were not joined: ${code}`);
}

async function abort(client: S3Client, key: string, uploadId: string): Promise<void> {
  try {
    await client.text({ method: 'DELETE', key, query: { uploadId } });
  } catch (error) {
    if (!(error instanceof S3Error && error.status === 404)) throw error;
  }
}

async function dropProgress(client: S3Client, key: string, path: string): Promise<void> {
  const progress = await readProgress(path);
  if (progress !== undefined) await abort(client, key, progress.uploadId);
  await rm(progressPath(path), { force: true });
}

async function readPart(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(part, done, length - done, start + done);
    if (bytesRead === 0) throw new Error('a spooled file shrank while it was uploaded');
    done += bytesRead;
  }
  return part;
}

export function progressPath(path: string): string {
  return `${path}.parts`;
}

function writeProgress(path: string, progress: Progress): Promise<void> {
  return replaceFile(progressPath(path), JSON.stringify(progress));
}

async function readProgress(path: string): Promise<Progress | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(progressPath(path), 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(value)) return undefined;
  const { uploadId, partBytes, parts } = value;
  if (typeof uploadId !== 'string' || typeof partBytes !== 'number' || !Array.isArray(parts))
    return undefined;
  return parts.every(isPart) ? { uploadId, partBytes, parts } : undefined;
}

function isPart(value: unknown): value is PartDone {
  return isObject(value) && typeof value['number'] === 'number' && typeof value['etag'] === 'string';
}
