import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

/** One file of the built page, held in memory. */
export interface Asset {
  readonly body: Buffer;
  readonly contentType: string;
  /** Strong, RFC 9110 8.8.3: with quotes. */
  readonly etag: string;
  /** Its name carries a hash of what it holds, so it never changes. */
  readonly immutable: boolean;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
};

/**
 * Reads the built page once: the served paths are the names in this map and nothing else, so no path of a request ever
 * reaches the file system. Empty when the page was not built.
 */
export function loadAssets(folder: string): ReadonlyMap<string, Asset> {
  return new Map(
    filesIn(folder).flatMap(name => {
      const contentType = CONTENT_TYPES[extname(name)];
      if (contentType === undefined) return [];
      const body = readFileSync(join(folder, name));
      const path = `/${name.split(sep).join('/')}`;
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
      const asset = { body, contentType, etag, immutable: path.startsWith('/assets/') };
      return [[path === '/index.html' ? '/' : path, asset] as const];
    }),
  );
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
