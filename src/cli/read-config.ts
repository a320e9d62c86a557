import { dirname, resolve } from 'node:path';
import { withFiles } from '../config/files.ts';
import { parseConfig } from '../config/parse.ts';
import type { Config } from '../config/schema.ts';

/** The configuration that a text is, with the files that it names found from its own folder. Throws a ConfigError. */
export function readConfig(text: string, file: string): Config {
  const folder = dirname(resolve(file));
  return withFiles(parseConfig(text, file), named => resolve(folder, named));
}
