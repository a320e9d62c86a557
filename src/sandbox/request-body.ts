import type { IncomingMessage } from 'node:http';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { badRequest, tooLarge, unsupportedMediaType } from './failure.ts';
import { isObject, type Json, type JsonObject, parseJson } from './json.ts';
import { objectFromProtobuf, PROTOBUF_TYPE } from './protobuf.ts';

/** The API server's own bound (MaxRequestBodyBytes). */
export const MAX_BODY_BYTES = 3 * 1_024 * 1_024;

/**
 * The whole body. What is too large is still read for a while, because a client that is cut off while it sends does
 * not get to see the answer.
 *
 * @throws ApiFailure 413
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (): void => {
      request.removeListener('data', onData);
      request.removeListener('end', settle);
      request.removeListener('close', settle);
      if (bytes > MAX_BODY_BYTES) reject(tooLarge(MAX_BODY_BYTES));
      else if (request.complete) resolve(Buffer.concat(chunks));
      else reject(badRequest('the body of the request was cut'));
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else if (bytes > 2 * MAX_BODY_BYTES) settle();
    };
    request.on('data', onData);
    request.once('end', settle);
    request.once('close', settle);
  });
}

/** The media type without parameters; JSON if none is given, as the API server assumes. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** @throws ApiFailure 400, 415 */
export function parseDocument(body: Buffer, type: string): Json {
  const text = body.toString('utf8');
  try {
    if (type === 'application/json' || type.endsWith('+json')) return parseJson(text);
    if (type === 'application/yaml' || type === 'application/apply-patch+yaml') {
      // The YAML core schema has no values that JSON lacks, once it has gone through JSON.
      return parseJson(JSON.stringify(parseYaml(text) ?? null));
    }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof YAMLParseError) throw badRequest(error.message);
    throw error;
  }
  throw unsupportedMediaType(type);
}

/** JSON, YAML, or protobuf of the kinds that come so. @throws ApiFailure 400, 415 */
export function parseObject(body: Buffer, type: string): JsonObject {
  const document = type === PROTOBUF_TYPE ? objectFromProtobuf(body) : parseDocument(body, type);
  if (!isObject(document)) throw badRequest('the body of the request is not an object');
  return document;
}
