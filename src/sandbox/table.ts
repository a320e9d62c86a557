import { isObject, type Json, type JsonObject, listAt, objectAt, textAt, valueAt } from './json.ts';
import type { ResourceName } from './store.ts';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer';
  /** 1: only shown by `-o wide`. */
  readonly priority: 0 | 1;
  readonly cell: (object: JsonObject, nowMs: number) => Json;
}

const NAME: Column = column('Name', object => textAt(object, 'metadata', 'name') ?? '');
const AGE: Column = column('Age', (object, nowMs) =>
  age(nowMs - Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '')),
);
const NONE = '<none>';

const COLUMNS: Readonly<Record<ResourceName, readonly Column[]>> = {
  namespaces: [NAME, column('Status', object => textAt(object, 'status', 'phase') ?? ''), AGE],
  pods: [
    NAME,
    column('Ready', readyOf),
    column('Status', podStatus),
    column('Restarts', object => String(restartsOf(object))),
    AGE,
    wide('IP', object => textAt(object, 'status', 'podIP') ?? NONE),
    wide('Node', object => textAt(object, 'spec', 'nodeName') ?? NONE),
    wide('Nominated Node', () => NONE),
    wide('Readiness Gates', () => NONE),
  ],
  configmaps: [
    NAME,
    {
      ...column(
        'Data',
        object => Object.keys({ ...objectAt(object, 'data'), ...objectAt(object, 'binaryData') }).length,
      ),
      type: 'integer',
    },
    AGE,
  ],
  events: [
    column('Last Seen', (object, nowMs) => age(nowMs - Date.parse(textAt(object, 'lastTimestamp') ?? ''))),
    column('Type', object => textAt(object, 'type') ?? ''),
    column('Reason', object => textAt(object, 'reason') ?? ''),
    column('Object', object => {
      const kind = textAt(object, 'involvedObject', 'kind') ?? '';
      return `${kind.toLowerCase()}/${textAt(object, 'involvedObject', 'name') ?? ''}`;
    }),
    column('Message', object => textAt(object, 'message') ?? ''),
  ],
};

/** `meta.k8s.io/v1` Table of these objects, as kubectl prints it. */
export function tableOf(
  resource: ResourceName,
  objects: readonly JsonObject[],
  options: {
    readonly includeObject: string | undefined;
    readonly resourceVersion: string;
    readonly nowMs: number;
  },
): JsonObject {
  const columns = COLUMNS[resource];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: options.resourceVersion },
    columnDefinitions: columns.map(({ name, type, priority }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority,
    })),
    rows: objects.map(object => ({
      cells: columns.map(({ cell }) => cell(object, options.nowMs)),
      object: rowObject(object, options.includeObject),
    })),
  };
}

function rowObject(object: JsonObject, include: string | undefined): JsonObject | undefined {
  if (include === 'None') return undefined;
  if (include === 'Object') return object;
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: valueAt(object, 'metadata'),
  };
}

function column(name: string, cell: Column['cell']): Column {
  return { name, type: 'string', priority: 0, cell };
}

function wide(name: string, cell: Column['cell']): Column {
  return { name, type: 'string', priority: 1, cell };
}

function readyOf(pod: JsonObject): string {
  const ready = listAt(pod, 'status', 'containerStatuses').filter(
    status => valueAt(status, 'ready') === true,
  );
  return `${String(ready.length)}/${String(listAt(pod, 'spec', 'containers').length)}`;
}

function restartsOf(pod: JsonObject): number {
  return listAt(pod, 'status', 'containerStatuses').reduce((sum: number, status) => {
    const count = valueAt(status, 'restartCount');
    return sum + (typeof count === 'number' ? count : 0);
  }, 0);
}

/** The reason of a container that is not running says more than the phase. */
function podStatus(pod: JsonObject): string {
  if (textAt(pod, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating';
  const reasons = listAt(pod, 'status', 'containerStatuses').flatMap(status =>
    Object.values(objectAt(status, 'state'))
      .filter(isObject)
      .map(state => textAt(state, 'reason')),
  );
  const reason = reasons.find(found => found !== undefined);
  return reason ?? textAt(pod, 'status', 'phase') ?? 'Unknown';
}

/** Two units at most, as kubectl shows ages: `45s`, `2m5s`, `3h10m`, `2d`. */
function age(ms: number): string {
  if (!Number.isFinite(ms)) return '<unknown>';
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 120) return `${String(seconds)}s`;
  if (minutes < 10) return `${String(minutes)}m${String(seconds % 60)}s`;
  if (minutes < 180) return `${String(minutes)}m`;
  if (hours < 8) return `${String(hours)}h${String(minutes % 60)}m`;
  return hours < 48 ? `${String(hours)}h` : `${String(Math.floor(hours / 24))}d`;
}
