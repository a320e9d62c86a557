import type { Manifest } from './manifest.ts';
import { isRecordingId, timeOfRecording } from './recording-id.ts';
import { flawOfNames, readLimit, readPeriod, readTexts } from './search-params.ts';

/** What is asked of the index. All that is given must hold. */
export interface RecordingQuery {
  /** Impersonated user, or the user of the caller's node. */
  readonly user?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** Part of the command line, in any case of letters. */
  readonly command?: string;
  readonly session?: string;
  /** Received at or after, and before; milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly complete?: boolean;
  /** Only recordings older than this one: the way to the next page. */
  readonly before?: string;
  readonly limit: number;
}

export interface RecordingPage {
  /** Newest first, without blocks. */
  readonly manifests: readonly Manifest[];
  /** The `before` of the next page; absent when nothing older is left to look at. */
  readonly next?: string;
}

const TEXTS = ['user', 'namespace', 'pod', 'container', 'command', 'session'] as const;
const OTHERS = ['since', 'until', 'complete', 'before', 'limit'];

/** Reads the parameters of a search. A string is what is wrong with them. */
export function parseRecordingQuery(params: URLSearchParams, maxListed: number): RecordingQuery | string {
  const flaw = flawOfNames(params, [...TEXTS, ...OTHERS]);
  if (flaw !== undefined) return flaw;
  const period = readPeriod(params);
  if (typeof period === 'string') return period;
  const complete = params.get('complete');
  if (complete !== null && complete !== 'true' && complete !== 'false')
    return 'complete is not true or false';
  const before = params.get('before');
  if (before !== null && !isRecordingId(before)) return 'before is not the id of a recording';
  const limit = readLimit(params, maxListed);
  if (typeof limit === 'string') return limit;
  return {
    ...readTexts(params, TEXTS),
    ...period,
    ...(complete !== null && { complete: complete === 'true' }),
    ...(before !== null && { before }),
    limit,
  };
}

export function matchesQuery(manifest: Manifest, query: RecordingQuery): boolean {
  const { header, sessionId, complete, id } = manifest;
  const receivedMs = timeOfRecording(id).getTime();
  const { PodName: pod, Namespace: namespace, Container: container } = header?.kubernetes ?? {};
  const users = [header?.kubewitness?.['user'], header?.srcNodeUser];
  return (
    (query.user === undefined || users.includes(query.user)) &&
    (query.namespace === undefined || namespace === query.namespace) &&
    (query.pod === undefined || pod === query.pod) &&
    (query.container === undefined || container === query.container) &&
    (query.session === undefined || sessionId === query.session) &&
    (query.complete === undefined || complete === query.complete) &&
    (query.sinceMs === undefined || receivedMs >= query.sinceMs) &&
    (query.untilMs === undefined || receivedMs < query.untilMs) &&
    (query.command === undefined || includesText(header?.command, query.command))
  );
}

function includesText(text: string | undefined, part: string): boolean {
  return text?.toLowerCase().includes(part.toLowerCase()) ?? false;
}
