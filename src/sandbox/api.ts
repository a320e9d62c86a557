import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { selfSubjectAccessReview } from './access-review.ts';
import { serveCollection } from './collection.ts';
import {
  AGGREGATED_TYPE,
  aggregatedCore,
  aggregatedGroups,
  apiGroups,
  apiVersions,
  authenticationGroup,
  authenticationResources,
  coreResources,
  VERSION,
} from './discovery.ts';
import { badRequest, forbidden, methodNotAllowed, noSuchPath } from './failure.ts';
import { type Account, type Identity, isProxy } from './identity.ts';
import type { JsonObject } from './json.ts';
import type { Kubelet } from './kubelet.ts';
import type { Objects } from './objects.ts';
import { openapiCore, openapiIndex, openapiV2 } from './openapi.ts';
import { servePodLog } from './pod-log.ts';
import { mediaType, parseObject, readBody } from './request-body.ts';
import type { Query, Target } from './request-target.ts';
import { type ResourcePath, resourcePath } from './resources.ts';
import { sendJson, sendText } from './response.ts';
import type { Store } from './store.ts';
import { reviewed } from './token-review.ts';

export interface Api {
  readonly accounts: readonly Account[];
  readonly store: Store;
  readonly objects: Objects;
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  /** `host:port` of the server. */
  readonly address: string;
}

/** Answers an ordinary request. @throws ApiFailure */
export async function serveRequest(
  api: Api,
  target: Target,
  identity: Identity,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { segments, query } = target;
  const [first, second, ...rest] = segments;
  if (first === 'api' && second === 'v1' && rest.length > 0) {
    const path = resourcePath(rest);
    if (path === undefined) throw noSuchPath();
    await serveResource(api, path, query, request, response);
    return;
  }
  const route = segments.join('/');
  if (route === 'apis/authentication.k8s.io/v1/selfsubjectreviews') {
    if (request.method !== 'POST') throw methodNotAllowed();
    // There is nothing in it to read, and newer clients send it as protobuf.
    await readBody(request);
    sendJson(response, 201, selfSubjectReview(identity));
    return;
  }
  if (route === 'apis/authentication.k8s.io/v1/tokenreviews') {
    if (request.method !== 'POST') throw methodNotAllowed();
    if (!isProxy(identity)) throw forbidden(`User "${identity.user}" cannot create resource "tokenreviews"`);
    const review = parseObject(await readBody(request), mediaType(request));
    sendJson(response, 201, reviewed(review, api.accounts));
    return;
  }
  if (route === 'apis/authorization.k8s.io/v1/selfsubjectaccessreviews') {
    if (request.method !== 'POST') throw methodNotAllowed();
    const review = parseObject(await readBody(request), mediaType(request));
    sendJson(response, 201, selfSubjectAccessReview(review, identity));
    return;
  }
  if (['healthz', 'livez', 'readyz'].includes(first ?? '')) {
    requireGet(request);
    sendText(response, 200, 'ok');
    return;
  }
  const document = documentAt(route, api, acceptsAggregated(request));
  if (document === undefined) throw noSuchPath();
  requireGet(request);
  sendJson(
    response,
    200,
    document,
    document['kind'] === 'APIGroupDiscoveryList' ? AGGREGATED_TYPE : undefined,
  );
}

async function serveResource(
  api: Api,
  path: ResourcePath,
  query: Query,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (path.subresource !== undefined) {
    await serveSubresource(api, path, query, request, response);
    return;
  }
  if (path.name === undefined || request.method === 'GET') {
    await serveCollection(api, path, query, request, response);
    return;
  }
  const dryRun = query.first('dryRun') !== undefined;
  const body = await readBody(request);
  const type = mediaType(request);
  switch (request.method) {
    case 'PUT':
      sendJson(response, 200, api.objects.update(path, parseObject(body, type), dryRun).object);
      break;
    case 'PATCH': {
      const { code, object } = api.objects.patch(path, type, body, dryRun);
      sendJson(response, code, object);
      break;
    }
    case 'DELETE':
      sendJson(
        response,
        200,
        api.objects.delete(path, body.length === 0 ? {} : parseObject(body, type), dryRun),
      );
      break;
    default:
      throw methodNotAllowed();
  }
}

async function serveSubresource(
  api: Api,
  path: ResourcePath,
  query: Query,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { resource, namespace = '', name = '', subresource } = path;
  if (!resource.subresources.some(known => known.name === subresource)) throw noSuchPath();
  if (subresource === 'log') {
    requireGet(request);
    const container = api.kubelet.container(namespace, name, query.first('container'));
    servePodLog(container, query, api.clock.now(), response);
    return;
  }
  if (subresource === 'ephemeralcontainers') {
    await serveEphemeralContainers(api, path, query, request, response);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'POST') throw methodNotAllowed();
  // exec and attach come here only without an upgrade.
  api.kubelet.container(namespace, name, query.first('container'));
  throw badRequest('Upgrade request required');
}

async function serveEphemeralContainers(
  api: Api,
  path: ResourcePath,
  query: Query,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') {
    sendJson(response, 200, api.objects.get(path));
    return;
  }
  if (request.method !== 'PATCH' && request.method !== 'PUT') throw methodNotAllowed();
  const body = await readBody(request);
  const type = mediaType(request);
  const dryRun = query.first('dryRun') !== undefined;
  const change = request.method === 'PUT' ? { body: parseObject(body, type) } : { patch: body, type };
  sendJson(response, 200, api.objects.debug(path, change, dryRun));
}

function documentAt(route: string, api: Api, aggregated: boolean): JsonObject | undefined {
  switch (route) {
    case '':
      return {
        paths: ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'],
      };
    case 'api':
      return aggregated ? aggregatedCore : apiVersions(api.address);
    case 'api/v1':
      return coreResources;
    case 'apis':
      return aggregated ? aggregatedGroups : apiGroups;
    case 'apis/authentication.k8s.io':
      return authenticationGroup;
    case 'apis/authentication.k8s.io/v1':
      return authenticationResources;
    case 'version':
      return VERSION;
    case 'openapi/v2':
      return openapiV2;
    case 'openapi/v3':
      return openapiIndex;
    case 'openapi/v3/api/v1':
      return openapiCore;
    default:
      return undefined;
  }
}

/** Which form the client wants is in the Accept header; clients older than v2 of it get the plain form. */
function acceptsAggregated(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '')
    .split(',')
    .some(range => range.replaceAll(' ', '').startsWith(AGGREGATED_TYPE));
}

function requireGet(request: IncomingMessage): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
}

/** KEP-3325: what the API server believes of the caller. */
function selfSubjectReview({ user, uid, groups, extra }: Identity): JsonObject {
  return {
    kind: 'SelfSubjectReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp: null },
    status: {
      userInfo: { username: user, uid, groups, extra: Object.keys(extra).length === 0 ? undefined : extra },
    },
  };
}
