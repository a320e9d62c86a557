import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { methodNotAllowed } from './failure.ts';
import type { JsonObject } from './json.ts';
import type { Objects } from './objects.ts';
import { mediaType, parseObject, readBody } from './request-body.ts';
import type { Query } from './request-target.ts';
import type { ResourcePath } from './resources.ts';
import { sendJson } from './response.ts';
import { fieldSelector, labelSelector, type Selector } from './selector.ts';
import type { Store } from './store.ts';
import { tableOf } from './table.ts';
import { serveWatch } from './watch.ts';

export interface CollectionDependencies {
  readonly store: Store;
  readonly objects: Objects;
  readonly clock: Clock;
}

/** Lists, watches, creations, and the reading of single objects, which may be asked for as a Table just so. */
export async function serveCollection(
  deps: CollectionDependencies,
  path: ResourcePath,
  query: Query,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') {
    const body = parseObject(await readBody(request), mediaType(request));
    const { code, object } = deps.objects.create(path, body, query.first('dryRun') !== undefined);
    sendJson(response, code, object);
    return;
  }
  if (request.method !== 'GET') throw methodNotAllowed();
  if (path.name === undefined && query.flag('watch')) watch(deps, path, query, request, response);
  else sendJson(response, 200, read(deps, path, query, acceptsTable(request)));
}

function read(deps: CollectionDependencies, path: ResourcePath, query: Query, asTable: boolean): JsonObject {
  const { resource, namespace, name } = path;
  const single = name === undefined ? undefined : deps.objects.get(path);
  const resourceVersion = String(deps.store.version);
  const found =
    single === undefined ? deps.store.list(resource.name, namespace).filter(selectorOf(query)) : [single];
  if (asTable) {
    const includeObject = query.first('includeObject');
    return tableOf(resource.name, found, { includeObject, resourceVersion, nowMs: deps.clock.now() });
  }
  return (
    single ?? { kind: `${resource.kind}List`, apiVersion: 'v1', metadata: { resourceVersion }, items: found }
  );
}

function watch(
  deps: CollectionDependencies,
  { resource, namespace }: ResourcePath,
  query: Query,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const asTable = acceptsTable(request);
  const includeObject = query.first('includeObject');
  serveWatch(deps.store, response, {
    resource: resource.name,
    namespace,
    selects: selectorOf(query),
    since: query.count('resourceVersion'),
    marksInitial: query.flag('sendInitialEvents'),
    timeoutSeconds: query.count('timeoutSeconds'),
    present: object =>
      asTable
        ? tableOf(resource.name, [object], {
            includeObject,
            resourceVersion: String(deps.store.version),
            nowMs: deps.clock.now(),
          })
        : object,
  });
}

function selectorOf(query: Query): Selector {
  const byField = fieldSelector(query.first('fieldSelector'));
  const byLabel = labelSelector(query.first('labelSelector'));
  return object => byField(object) && byLabel(object);
}

function acceptsTable(request: IncomingMessage): boolean {
  return /as=Table;v=v1;/.test((request.headers.accept ?? '').replaceAll(' ', ''));
}
