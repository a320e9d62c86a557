import { FileWatch } from './file-watch.ts';
import type { ReadText } from './live-files.ts';
import { LiveFiles } from './live-files.ts';

export interface FollowOptions<Made> {
  /** Makes it of what it reads. Throws one line for people. */
  readonly make: (read: ReadText) => Made;
  readonly read: ReadText;
  readonly after: (ms: number, then: () => void) => () => void;
  readonly taken: (made: Made, files: readonly string[]) => void;
  /** Once for each content that cannot be used. What was made before stays in use. */
  readonly refused: (files: readonly string[], problems: readonly string[]) => void;
}

export interface Followed<Made> {
  /** As it is now. */
  made(): Made;
  /** Looks without waiting. */
  now(): void;
  close(): void;
}

/** Makes a value of files, and anew as they are replaced. Throws what `make` throws when the first one cannot be made. */
export function followFiles<Made>({
  make,
  read,
  after,
  taken,
  refused,
}: FollowOptions<Made>): Followed<Made> {
  const files = new LiveFiles(make, read);
  const watch = new FileWatch({
    look: () => files.look(),
    take: (seen, trigger) => {
      if (trigger === 'SIGHUP') files.tellAgain();
      const news = files.take(seen);
      if (news.taken.length > 0) taken(files.made, news.taken);
      if (news.refused.size > 0) refused([...news.refused.keys()], [...new Set(news.refused.values())]);
    },
    after,
  });
  return { made: () => files.made, now: () => watch.now(), close: () => watch.close() };
}
