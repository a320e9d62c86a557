import { WitnessError } from '../errors.ts';
import type { RequestInfo } from './request-info.ts';
import { readRequestInfo } from './request-info.ts';

/** A request target after it was read once, for the decision and for forwarding alike. */
export interface KubeTarget {
  /** Re-encoded from the decoded segments; what a proxy subresource passes on behind it stays as it came. */
  readonly path: string;
  /** As it came, without the question mark. Empty when there is none. */
  readonly query: string;
  /** Whether there was a question mark at all. */
  readonly hadQuery: boolean;
  readonly info: RequestInfo;
}

/** What the API server and its proxies serve. CONNECT and TRACE among others are doors that nobody needs. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Go reads no parameter at all from a query with more (its urlmaxqueryparams); older releases read them all. */
const MAX_PARAMETERS = 10_000;

/**
 * Reads the target of a request line (origin form only) the way the API server does: percent-decoded once, no dot
 * segments resolved, no slashes merged. Every spelling that two readers could take differently is refused with
 * KW_BAD_REQUEST. WHATWG `URL` has no place here: it rewrites what it reads.
 */
export function readTarget(method: string, target: string): KubeTarget {
  if (!METHODS.has(method)) throw bad('the request method is not one that the Kubernetes API uses');
  checkCharacters(target);
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (rawPath.includes('\\')) throw bad('the path holds a backslash');
  if (query.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS) {
    throw bad(`the query holds more than ${MAX_PARAMETERS} parameters`);
  }

  const { segments, tail, slashAtEnd } = readPath(rawPath);
  const decodedPath = `/${segments.join('/')}${decodeTail(tail)}`;
  const info = readRequestInfo(method, decodedPath, query);
  checkTail(info, tail);
  // `/debug/pprof` redirects to `/debug/pprof/`: outside of the resource tree the slash is the client's business.
  const end = slashAtEnd && !info.isResourceRequest && segments.length > 0 ? '/' : '';
  return {
    path: `/${segments.map(encodeSegment).join('/')}${tail}${end}`,
    query,
    hadQuery: mark >= 0,
    info,
  };
}

function checkCharacters(target: string): void {
  if (!/^\/(?:[^/]|$)/.test(target)) throw bad('the request target must start with exactly one "/"');
  if (!/^[\x21-\x7e]*$/.test(target)) throw bad('the request target holds a byte that must be escaped');
  if (target.includes('#')) throw bad('the request target holds a "#", which must be escaped');
  if (/%(?![0-9A-Fa-f]{2})/.test(target)) throw bad('the request target holds a "%" without two hex digits');
}

interface ReadPath {
  /** Decoded, none of them empty, `.` or `..`, none with a slash inside. */
  readonly segments: readonly string[];
  /** What follows a proxy subresource, raw, with its first slash. */
  readonly tail: string;
  readonly slashAtEnd: boolean;
}

function readPath(rawPath: string): ReadPath {
  const segments: string[] = [];
  let rest = rawPath.slice(1);
  while (rest !== '') {
    const slash = rest.indexOf('/');
    const raw = slash < 0 ? rest : rest.slice(0, slash);
    const behind = slash < 0 ? '' : rest.slice(slash);
    if (raw === '') {
      if (/[^/]/.test(rest)) throw bad('the path holds an empty segment');
      return { segments, tail: '', slashAtEnd: true };
    }
    segments.push(decodeSegment(raw));
    if (endsInProxy(segments)) return { segments, tail: behind, slashAtEnd: false };
    if (behind === '/') return { segments, tail: '', slashAtEnd: true };
    rest = behind.slice(1);
  }
  return { segments, tail: '', slashAtEnd: rawPath === '/' };
}

/** True when the last segment is the proxy subresource of a named object, of whatever group. */
function endsInProxy(segments: readonly string[]): boolean {
  if (segments.at(-1) !== 'proxy') return false;
  const resourceAt = { api: 2, apis: 3 }[segments[0] ?? ''];
  if (resourceAt === undefined) return false;
  const inNamespace = segments[resourceAt] === 'namespaces';
  return segments.length === resourceAt + 3
    ? !inNamespace
    : inNamespace && segments.length === resourceAt + 5;
}

function decodeSegment(raw: string): string {
  if (/%(?:2F|5C|[01][0-9A-F]|7F)/i.test(raw)) {
    throw bad('the path holds an escaped slash, backslash or control character');
  }
  const segment = decode(raw);
  if (segment === '.' || segment === '..') throw bad('the path holds a dot segment');
  return segment;
}

/** A tail is the business of what is behind the proxy, except that nothing on the way may climb out of it. */
function decodeTail(tail: string): string {
  const decoded = decode(tail);
  if (decoded.split(/[/\\]/).some(segment => segment === '.' || segment === '..')) {
    throw bad('the path behind the proxy subresource holds a dot segment');
  }
  return decoded;
}

function checkTail(info: RequestInfo, tail: string): void {
  const ownPaths = info.apiGroup === '' && (info.resource === 'pods' || info.resource === 'services');
  if (!ownPaths && tail.includes('//')) throw bad('the path holds an empty segment');
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw bad('the path holds an escape that is not UTF-8');
  }
}

/** Leaves what RFC 3986 section 3.3 lets stand in a segment (`pchar`), as kubectl does. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/%(?:24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent);
}

function bad(message: string): WitnessError {
  return new WitnessError('KW_BAD_REQUEST', message);
}
