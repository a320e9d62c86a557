import { Readable } from 'node:stream';
import type { RecordingSummary, RecordingsReader } from '../../../src/live/recordings-reader.ts';
import { partOf } from '../../../src/recorder/byte-range.ts';

/** What a recorder has: these, each with the same cast. It finds by session, user and command. */
export function fakeRecordings(
  items: readonly RecordingSummary[],
  cast: string,
  changes: Partial<RecordingsReader> = {},
): RecordingsReader {
  const bytes = Buffer.from(cast);
  const find = (wanted: string) => items.find(({ id }) => id === wanted);
  return {
    search: async ({ session, user, command, before, limit }) => {
      const found = items.filter(
        item =>
          (session === undefined || item.sessionId === session) &&
          (user === undefined || item.user === user) &&
          (command === undefined || item.command?.includes(command) === true),
      );
      const start = found.findIndex(({ id }) => id === before) + 1;
      const page = found.slice(start, start + limit);
      const last = page.at(-1);
      return { items: page, ...(last !== undefined && last !== found.at(-1) ? { next: last.id } : {}) };
    },
    get: async id => find(id),
    open: async (id, range) => {
      const sessionId = find(id)?.sessionId;
      const known = sessionId === undefined ? {} : { sessionId };
      const part = partOf(range, bytes.length);
      if (part === undefined || part === 'none')
        return { bytes: bytes.length, body: Readable.from([bytes]), ...known };
      const { first, length } = part;
      return {
        bytes: bytes.length,
        part,
        body: Readable.from([bytes.subarray(first, first + length)]),
        ...known,
      };
    },
    page: async () => ({ html: '<!doctype html>' }),
    ...changes,
  };
}
