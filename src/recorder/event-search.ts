import { isObject } from './cast-header.ts';
import { linesBackwards } from './lines-backwards.ts';
import { flawOfNames, readLimit, readPeriod, readTexts } from './search-params.ts';

/** What is asked of the API request events. All that is given must hold. */
export interface EventQuery {
  readonly user?: string;
  readonly namespace?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly verb?: string;
  /** Audit id: that of the proxy's audit, and of the recording if the request was a session. */
  readonly session?: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Only events that stand before this byte of the file: the way to the next page. */
  readonly before?: number;
  readonly limit: number;
}

export interface EventPage {
  /** JSON documents as they were sent, newest first. */
  readonly events: readonly string[];
  readonly next?: number;
}

const TEXTS = ['user', 'namespace', 'resource', 'name', 'verb', 'session'] as const;
const OTHERS = ['since', 'until', 'before', 'limit'];
/** What one search reads of the file; the rest is the next page's. */
const MAX_SCAN_BYTES = 64 * 1024 * 1024;

/** Reads the parameters of a search. A string is what is wrong with them. */
export function parseEventQuery(params: URLSearchParams, maxListed: number): EventQuery | string {
  const flaw = flawOfNames(params, [...TEXTS, ...OTHERS]);
  if (flaw !== undefined) return flaw;
  const period = readPeriod(params);
  if (typeof period === 'string') return period;
  const before = params.get('before');
  if (before !== null && !/^\d{1,15}$/.test(before)) return 'before is not a number';
  const limit = readLimit(params, maxListed);
  if (typeof limit === 'string') return limit;
  return {
    ...readTexts(params, TEXTS),
    ...period,
    ...(before !== null && { before: Number(before) }),
    limit,
  };
}

export async function searchEvents(
  path: string,
  query: EventQuery,
  maxScanBytes: number = MAX_SCAN_BYTES,
): Promise<EventPage> {
  const events: string[] = [];
  let scannedBytes = 0;
  for await (const { offset, text } of linesBackwards(path, query.before)) {
    if (matchesEvent(text, query)) events.push(text);
    scannedBytes += text.length;
    if (offset > 0 && (events.length === query.limit || scannedBytes >= maxScanBytes)) {
      return { events, next: offset };
    }
    if (events.length === query.limit) break;
  }
  return { events };
}

/** A line that a crash tore is no event. */
function matchesEvent(line: string, query: EventQuery): boolean {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return false;
  }
  const { user, namespace, resource, name, verb, session, sinceMs, untilMs } = query;
  const timestamp = field(event, 'timestamp');
  const timeMs = typeof timestamp === 'number' ? timestamp * 1000 : Number.NaN;
  return (
    isObject(event) &&
    (user === undefined || field(event, 'source', 'nodeUser') === user) &&
    (namespace === undefined || field(event, 'kubernetes', 'Namespace') === namespace) &&
    (resource === undefined || field(event, 'kubernetes', 'Resource') === resource) &&
    (name === undefined || field(event, 'kubernetes', 'Name') === name) &&
    (verb === undefined || field(event, 'kubernetes', 'Verb') === verb) &&
    (session === undefined || field(event, 'kubewitness', 'auditId') === session) &&
    (sinceMs === undefined || timeMs >= sinceMs) &&
    (untilMs === undefined || timeMs < untilMs)
  );
}

function field(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  return found;
}
