import fc from 'fast-check';
import { WitnessError } from '../../../src/errors.ts';
import { readExecOptions, writeExecQuery } from '../../../src/kube/exec-options.ts';
import { placeOf } from '../../../src/kube/place.ts';
import { classify, isLongRunning } from '../../../src/kube/request-info.ts';
import { readTarget } from '../../../src/kube/target.ts';
import { decideRequest } from '../../../src/policy/decide.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import type { Subject } from '../subject.ts';
import { declared, must, mustEqual, sentence, texts } from '../subject.ts';

const ENFORCING: readonly CapabilityRule[] = [
  { origin: 'fuzz', impersonateGroups: [], recorderAddrs: ['r:1'], enforceRecorder: true },
];

function isBad(error: unknown): boolean {
  return error instanceof WitnessError && error.code === 'KW_BAD_REQUEST';
}

/**
 * Where the API server would take a path: NewRequestInfo of k8s.io/apiserver, told anew and as far as recorders are
 * concerned. Go decodes a path as a whole before it is split.
 */
function roadOf(path: string): 'session' | 'recorderIsPassed' | 'other' {
  const parts = decodeURIComponent(path)
    .replace(/^\/+|\/+$/g, '')
    .split('/');
  const prefix = parts.shift();
  if (prefix !== 'api' || parts.length < 2) return 'other';
  parts.shift();
  if (parts[0] === 'proxy') return 'recorderIsPassed';
  if (parts[0] === 'watch') parts.shift();
  const own = parts[2] !== undefined && parts[2] !== 'status' && parts[2] !== 'finalize';
  const [resource, , subresource] = parts[0] === 'namespaces' && own ? parts.slice(2) : parts;
  if (resource === 'pods' && (subresource === 'exec' || subresource === 'attach')) return 'session';
  const passes =
    (resource === 'pods' && (subresource === 'portforward' || subresource === 'proxy')) ||
    (resource === 'services' && subresource === 'proxy') ||
    (resource === 'nodes' && subresource !== undefined && subresource !== 'status');
  return passes ? 'recorderIsPassed' : 'other';
}

/** A slash at the end of a resource's path says nothing. */
function decodedOnce(path: string): string {
  return decodeURIComponent(path).replace(/\/+$/, '');
}

function checkTarget(input: Buffer): void {
  const [method = '', ...rest] = input.toString('latin1').split(' ');
  const target = rest.join(' ');
  const read = declared(() => readTarget(method, target), isBad);
  if (read === undefined) return;
  const kind = classify(read.info, method);
  isLongRunning(read.info, read.query);
  placeOf(read.info, kind);
  // What goes on is what was read, and reads the same there.
  const again = readTarget(method, read.hadQuery ? `${read.path}?${read.query}` : read.path);
  mustEqual(again, read, 'what goes upstream reads otherwise');
  const sent = target.split('?')[0] ?? '';
  mustEqual(decodedOnce(read.path), decodedOnce(sent), 'what goes upstream is another path');
  for (const path of [sent, read.path]) {
    const road = roadOf(path);
    must(road !== 'session' || kind === 'session', `${path} opens a session and is taken for ${kind}`);
    const decision = decideRequest(ENFORCING, kind);
    must(
      road !== 'recorderIsPassed' || decision.kind === 'refuse',
      `${path} is taken for ${kind}: ${decision.kind}`,
    );
  }
}

function checkExecQuery(input: Buffer): void {
  const query = input.toString('latin1');
  for (const type of ['exec', 'attach'] as const) {
    const options = declared(() => readExecOptions(query, type), isBad);
    if (options === undefined) continue;
    const { stdin, stdout, stderr, tty } = options.streams;
    must(!(tty && stderr), 'a terminal has one output');
    must(stdin || stdout || stderr, 'no stream');
    // What goes upstream asks for just that.
    mustEqual(readExecOptions(writeExecQuery(options), type), options, 'written and read again');
  }
}

const SEGMENTS = [
  '/api',
  '/apis',
  '/v1',
  '/apps',
  '/namespaces',
  '/d',
  '/pods',
  '/p',
  '/exec',
  '/attach',
  '/proxy',
];
const ODD = [
  '/portforward',
  '/nodes',
  '/services',
  '/watch',
  '/status',
  '/log',
  '/',
  '//',
  '/.',
  '/..',
  '/%2e',
  '%2F',
  '%25',
];
const ESCAPES = [
  '%65xec',
  '/EXEC',
  '/s:p:80',
  '?watch=true',
  '?',
  '#',
  '\\',
  ';',
  '%00',
  '%e6%bc%a2',
  '%ff',
  '/ephemeralcontainers',
];
const WORDS = [...SEGMENTS, ...ODD, ...ESCAPES];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'get'];
const QUERY_WORDS = [
  'command=',
  'stdin=',
  'stdout=true',
  'stderr=1',
  'tty=false',
  'container=c',
  '&',
  '%26',
  '+',
  ';',
  '=',
  '%zz',
  '%ff',
  '漢',
];

const subresources = fc
  .tuple(
    fc.constantFrom('GET', 'POST'),
    fc.constantFrom(
      '/api/v1/namespaces/d/pods/p',
      '/api/v1/pods/p',
      '/api/v1/nodes/n',
      '/api/v1/namespaces/d/services/s',
    ),
    fc.constantFrom(
      'exec',
      'attach',
      'portforward',
      'proxy',
      'run',
      'ephemeralcontainers',
      '%65xec',
      '%2565xec',
      'EXEC',
    ),
    fc.constantFrom('', '/', '//', '?command=id', '/x/..', '/%2e%2e', '/exec'),
  )
  .map(([method, object, name, end]) => `${method} ${object}/${name}${end}`);

export const REQUEST_SUBJECTS: readonly Subject[] = [
  {
    name: 'target',
    files: ['src/kube/target.ts', 'src/kube/request-info.ts', 'src/kube/place.ts', 'src/kube/query.ts'],
    words: WORDS,
    grammar: texts(
      fc.oneof(
        subresources,
        fc
          .tuple(
            fc.constantFrom(...METHODS),
            fc.constantFrom('', '/api/v1', '/api/v1/namespaces/d/pods/p', '/apis/apps/v1', '/api/v1/proxy'),
            sentence(WORDS, 8),
          )
          .map(([method, start, rest]) => `${method} ${start}${rest}`),
      ),
    ),
    check: checkTarget,
  },
  {
    name: 'exec-query',
    files: ['src/kube/exec-options.ts', 'src/kube/query.ts'],
    words: QUERY_WORDS,
    grammar: texts(sentence(QUERY_WORDS, 20), 'utf8'),
    check: checkExecQuery,
  },
];
