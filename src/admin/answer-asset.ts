import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Asset } from '../live/assets.ts';
import { SECURITY_HEADERS } from './answer.ts';

const YEAR_SECONDS = 31_536_000;

export function answerAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  const headers = {
    ...SECURITY_HEADERS,
    etag: asset.etag,
    'cache-control': asset.immutable ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
  };
  if (hasTag(request.headers['if-none-match'], asset.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, {
    ...headers,
    'content-type': asset.contentType,
    'content-length': asset.body.length,
  });
  // For HEAD Node leaves the body away.
  response.end(asset.body);
}

/** RFC 9110 13.1.2: weak comparison, any of a list, or `*`. */
function hasTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header
    .split(',')
    .map(tag => tag.trim().replace(/^W\//, ''))
    .some(tag => tag === '*' || tag === etag);
}
