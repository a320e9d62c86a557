import { WitnessError } from '../errors.ts';
import { firstValue, isTrue } from './query.ts';

/** What the API server understands a request to be (apiserver `RequestInfo`), before any authorization. */
export interface RequestInfo {
  /** False: a path outside of the resource tree (`/healthz`, `/api`, `/openapi/v3` …). */
  readonly isResourceRequest: boolean;
  /** Percent-decoded once. */
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection; the method in lower case outside of resources. */
  readonly verb: string;
  /** `api`, `apis`, or empty. */
  readonly apiPrefix: string;
  /** Empty for the core group. */
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Resource, name, subresource and whatever follows. */
  readonly parts: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** `/namespaces/{name}/status` is a part of the namespace, every other third part is a resource inside it. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

const LONG_RUNNING: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/**
 * Reads a decoded path as the API server does. `path` has no empty segments outside of a proxy tail. Throws
 * KW_BAD_REQUEST for the deprecated `/proxy/` verb, and for `/watch/` with anything but a collection or an object.
 */
export function readRequestInfo(method: string, path: string, query: string): RequestInfo {
  const outside = nonResource(method, path);
  const all = trimSlashes(path).split('/');
  const [prefix = '', ...rest] = all;
  if (all.length < 3 || (prefix !== 'api' && prefix !== 'apis')) return outside;
  if (prefix === 'apis' && rest.length < 3) return { ...outside, apiPrefix: prefix };
  const apiGroup = prefix === 'apis' ? (rest.shift() ?? '') : '';
  const apiVersion = rest.shift() ?? '';

  const special = rest[0] === 'watch' || rest[0] === 'proxy' ? rest.shift() : undefined;
  if (special === 'proxy') {
    throw new WitnessError(
      'KW_BAD_REQUEST',
      'the /proxy/ path prefix is not served; use the proxy subresource',
    );
  }
  const namespace = rest[0] === 'namespaces' ? (rest[1] ?? '') : '';
  const third = rest[0] === 'namespaces' ? rest[2] : undefined;
  const parts = third === undefined || NAMESPACE_SUBRESOURCES.has(third) ? rest : rest.slice(2);
  if (special === 'watch' && (method !== 'GET' || parts.length < 1 || parts.length > 2)) {
    throw new WitnessError(
      'KW_BAD_REQUEST',
      'the /watch/ path prefix takes GET on a collection or an object only',
    );
  }

  const [resource = '', name = '', subresource = ''] = parts;
  return {
    isResourceRequest: true,
    path,
    verb: special ?? resourceVerb(method, name, query),
    apiPrefix: prefix,
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource,
    name,
    parts,
  };
}

/**
 * What kind of road a request is, by resource and never by method (two methods open the same exec).
 * `session`: exec and attach of a pod. `tunnel`: port-forward. `relay`: HTTP to a pod or service. `node`: the kubelet,
 * which runs commands on a plain POST. `debug`: a new container in a running pod. `foreign`: what is named like one of
 * these in another API or behind another prefix. `plain`: everything else.
 */
export type RequestClass = 'session' | 'tunnel' | 'relay' | 'node' | 'debug' | 'foreign' | 'plain';

/** Names of subresources under which other APIs (KubeVirt, Karmada, cluster gateways …) open sessions or whole APIs. */
const SESSION_LIKE: ReadonlySet<string> = new Set([
  'exec',
  'attach',
  'console',
  'portforward',
  'proxy',
  'shell',
  'ssh',
  'terminal',
  'usbredir',
  'vnc',
  'vsock',
]);

export function classify(info: RequestInfo, method: string): RequestClass {
  if (!info.isResourceRequest) {
    return info.path.split('/').some(segment => SESSION_LIKE.has(segment)) ? 'foreign' : 'plain';
  }
  const core = info.apiGroup === '' ? classifyCore(info, method) : undefined;
  // A nested API can follow anywhere behind a name: `…/clusters/c/proxy/api/v1/namespaces/d/pods/p/exec`.
  return core ?? (info.parts.slice(2).some(part => SESSION_LIKE.has(part)) ? 'foreign' : 'plain');
}

function classifyCore({ resource, subresource }: RequestInfo, method: string): RequestClass | undefined {
  // A subresource of nodes that is not known here is taken for the kubelet, not for harmless.
  if (resource === 'nodes' && subresource !== '' && subresource !== 'status') return 'node';
  if (resource === 'services' && subresource === 'proxy') return 'relay';
  if (resource !== 'pods') return undefined;
  if (subresource === 'exec' || subresource === 'attach') return 'session';
  if (subresource === 'portforward') return 'tunnel';
  if (subresource === 'proxy') return 'relay';
  if (subresource === 'ephemeralcontainers' && method !== 'GET' && method !== 'HEAD') return 'debug';
  return undefined;
}

/** True for what may stay open without a limit: such requests get neither a time-out nor a shared connection. */
export function isLongRunning(info: RequestInfo, query: string): boolean {
  if (!info.isResourceRequest) return info.path.startsWith('/debug/pprof');
  return LONG_RUNNING.has(info.subresource) || isWatch(info, query);
}

/** True for a stream of events: it has no end of its own, so that its end says no more than "ask again". */
export function isWatch(info: RequestInfo, query: string): boolean {
  return info.isResourceRequest && (info.verb === 'watch' || isTrue(firstValue(query, 'watch')));
}

function resourceVerb(method: string, name: string, query: string): string {
  const verb = VERBS[method] ?? '';
  if (name !== '') return verb;
  if (verb === 'get') return isTrue(firstValue(query, 'watch')) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

function nonResource(method: string, path: string): RequestInfo {
  return {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
  };
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+/, '').replace(/(?<!\/)\/+$/, '');
}
