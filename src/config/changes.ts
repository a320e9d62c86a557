import { isDeepStrictEqual } from 'node:util';
import { writePath } from './problems.ts';
import type { Config } from './schema.ts';

/** What a reload puts in force. Everything else, a field that is new here too, stays as it was at the start. */
const RELOADED: readonly string[] = ['identity', 'grants', 'recording', 'sessions', 'log'];
/** The same within `admin`. */
const RELOADED_OF_ADMIN: readonly string[] = ['hosts', 'roles', 'local'];

/** What differs between two configurations. Names of fields only: values can be secrets. */
export interface ConfigChanges {
  /** Top-level fields that a reload puts in force. */
  readonly sections: readonly string[];
  /** Paths of fields that only a restart does, as `listen.port`. */
  readonly needRestart: readonly string[];
}

export function changesBetween(before: Config, after: Config): ConfigChanges {
  const changed = differences(before, after, []);
  const sections = new Set(changed.filter(isReloaded).map(([section]) => section ?? ''));
  const needRestart = changed.filter(path => !isReloaded(path)).map(writePath);
  // The listener asks clients for certificates from its start on, or never.
  const asks = readsCertificates(after) && !readsCertificates(before);
  return {
    sections: [...sections],
    needRestart: [
      ...new Set(needRestart),
      ...(asks
        ? CERTIFICATE_READERS.filter(name => after.identity[name]).map(name => `identity.${name}`)
        : []),
    ],
  };
}

function isReloaded([section = '', field = '']: readonly string[]): boolean {
  return RELOADED.includes(section) || (section === 'admin' && RELOADED_OF_ADMIN.includes(field));
}

const CERTIFICATE_READERS = ['clientCertificate', 'requestHeader'] as const;

function readsCertificates({ identity }: Config): boolean {
  return CERTIFICATE_READERS.some(name => identity[name] !== undefined);
}

/** Paths of the fields that differ. A list is one field. */
function differences(before: unknown, after: unknown, path: readonly string[]): (readonly string[])[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isMapping(before) || !isMapping(after)) return [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap(name => differences(before[name], after[name], [...path, name]));
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
