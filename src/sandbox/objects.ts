import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { alreadyExists, badRequest, conflict, invalid, methodNotAllowed, notFound } from './failure.ts';
import { equal, isObject, type Json, type JsonObject, listAt, objectAt, textAt } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import type { Kubelet } from './kubelet.ts';
import { checkName, checkObject, type ObjectPath } from './object-check.ts';
import { mergePatch, strategicPatch } from './patch.ts';
import { admittedPod, timestamp } from './pod-object.ts';
import { parseDocument, parseObject } from './request-body.ts';
import type { ResourcePath, Verb } from './resources.ts';
import type { Store } from './store.ts';

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;

export interface Written {
  readonly code: 200 | 201;
  readonly object: JsonObject;
}

/** Reading and writing of single objects, as the registry of the API server does it. */
export class Objects {
  readonly #store: Store;
  readonly #kubelet: Kubelet;
  readonly #clock: Clock;

  constructor(store: Store, kubelet: Kubelet, clock: Clock) {
    this.#store = store;
    this.#kubelet = kubelet;
    this.#clock = clock;
  }

  get(path: ResourcePath): JsonObject {
    const { resource, namespace, name } = objectPath(path, 'get');
    const found = this.#store.get(resource.name, namespace, name);
    if (found === undefined) throw notFound(resource.name, name);
    return found;
  }

  create(path: ResourcePath, body: JsonObject, dryRun: boolean): Written {
    const { resource, namespace } = path;
    if (!resource.verbs.includes('create') || namespace === undefined || path.name !== undefined) {
      throw methodNotAllowed();
    }
    this.#requireNamespace(namespace);
    const stem = textAt(body, 'metadata', 'generateName');
    const name =
      textAt(body, 'metadata', 'name') ?? (stem === undefined ? '' : stem + randomUUID().slice(0, 5));
    checkObject({ resource, namespace, name }, body);
    if (this.#store.get(resource.name, namespace, name) !== undefined)
      throw alreadyExists(resource.name, name);
    const { managedFields: _, ...metadata } = objectAt(body, 'metadata');
    const created = {
      ...body,
      apiVersion: 'v1',
      kind: resource.kind,
      metadata: {
        ...metadata,
        name,
        namespace,
        uid: randomUUID(),
        creationTimestamp: timestamp(this.#clock.now()),
      },
    };
    const admitted = resource.name === 'pods' ? admittedPod(created) : created;
    if (dryRun) return { code: 201, object: admitted };
    const stored = this.#store.put(resource.name, admitted);
    if (resource.name === 'pods') this.#kubelet.run(stored);
    return { code: 201, object: stored };
  }

  update(path: ResourcePath, body: JsonObject, dryRun: boolean): Written {
    const target = objectPath(path, 'update');
    return { code: 200, object: this.#replace(target, this.get(path), body, dryRun) };
  }

  patch(path: ResourcePath, type: string, body: Buffer, dryRun: boolean): Written {
    const target = objectPath(path, 'patch');
    const known = PATCH_TYPES.find(candidate => candidate === type);
    // parseDocument words the refusal of a type that is none.
    const patch = parseDocument(body, known ?? `patch ${type}`);
    const current = this.#store.get(target.resource.name, target.namespace, target.name);
    if (current === undefined) {
      if (known !== 'application/apply-patch+yaml') throw notFound(target.resource.name, target.name);
      return this.create({ ...path, name: undefined }, parseObject(body, type), dryRun);
    }
    const changed = patched(current, patch, known);
    if (!isObject(changed)) throw badRequest('the patch does not leave an object');
    return { code: 200, object: this.#replace(target, current, changed, dryRun) };
  }

  /** Writes a pod's ephemeral containers, and nothing else of it; those that are new are started. */
  debug(
    path: ResourcePath,
    change: { readonly body: JsonObject } | { readonly patch: Buffer; readonly type: string },
    dryRun: boolean,
  ): JsonObject {
    const current = this.get(path);
    let written: Json;
    if ('body' in change) written = change.body;
    else {
      const known = PATCH_TYPES.find(candidate => candidate === change.type);
      written = patched(current, parseDocument(change.patch, known ?? `patch ${change.type}`), known);
    }
    const wanted = listAt(written, 'spec', 'ephemeralContainers');
    const { name = '' } = path;
    for (const container of wanted) {
      checkName('Pod', name, textAt(container, 'name') ?? '', 'spec.ephemeralContainers[].name');
    }
    const names = wanted.map(container => textAt(container, 'name'));
    const before = listAt(current, 'spec', 'ephemeralContainers');
    if (before.some(container => !names.includes(textAt(container, 'name')))) {
      throw invalid(
        'Pod',
        name,
        'spec.ephemeralContainers: existing ephemeral containers may not be removed',
      );
    }
    const debugged = {
      ...current,
      spec: { ...objectAt(current, 'spec'), ephemeralContainers: wanted },
    };
    if (dryRun || equal(current, debugged)) return debugged;
    const stored = this.#store.put('pods', debugged);
    this.#kubelet.debug(stored);
    return stored;
  }

  /** What the answer says: a Status, or for a pod, which takes a while to end, the pod on its way out. */
  delete(path: ResourcePath, options: JsonObject, dryRun: boolean): JsonObject {
    const { resource, namespace, name } = objectPath(path, 'delete');
    const found = this.get(path);
    for (const field of ['uid', 'resourceVersion']) {
      const wanted = textAt(options, 'preconditions', field);
      if (wanted !== undefined && wanted !== textAt(found, 'metadata', field))
        throw conflict(resource.name, name);
    }
    const uid = textAt(found, 'metadata', 'uid');
    if (resource.name !== 'pods') {
      if (!dryRun) this.#store.remove(resource.name, namespace, name);
      return {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name, kind: resource.name, uid },
      };
    }
    if (dryRun || textAt(found, 'metadata', 'deletionTimestamp') !== undefined) return found;
    const leaving = this.#store.put('pods', {
      ...found,
      metadata: { ...objectAt(found, 'metadata'), deletionTimestamp: timestamp(this.#clock.now()) },
    });
    this.#kubelet.remove(namespace, name);
    return leaving;
  }

  #replace(target: ObjectPath, current: JsonObject, body: JsonObject, dryRun: boolean): JsonObject {
    const { resource, name } = target;
    checkObject(target, body);
    const version = textAt(body, 'metadata', 'resourceVersion');
    if (version !== undefined && version !== textAt(current, 'metadata', 'resourceVersion')) {
      throw conflict(resource.name, name);
    }
    const { managedFields: _, ...metadata } = objectAt(body, 'metadata');
    const fixed = objectAt(current, 'metadata');
    const replaced = {
      ...body,
      apiVersion: 'v1',
      kind: resource.kind,
      metadata: {
        ...metadata,
        name,
        namespace: fixed['namespace'],
        uid: fixed['uid'],
        creationTimestamp: fixed['creationTimestamp'],
        resourceVersion: fixed['resourceVersion'],
      },
      // Only the kubelet writes the status.
      ...(resource.name === 'pods' ? { status: current['status'] } : {}),
    };
    // A write that changes nothing is no change, and no watch hears of it.
    if (dryRun || equal(current, replaced)) return replaced;
    return this.#store.put(resource.name, replaced);
  }

  #requireNamespace(name: string): void {
    if (this.#store.get('namespaces', '', name) === undefined) throw notFound('namespaces', name);
  }
}

/** @throws ApiFailure where the patch does not apply */
function patched(current: JsonObject, patch: Json, type: (typeof PATCH_TYPES)[number] | undefined): Json {
  switch (type) {
    case 'application/json-patch+json':
      return jsonPatch(current, patch);
    case 'application/strategic-merge-patch+json':
      return strategicPatch(current, patch);
    default:
      return mergePatch(current, patch);
  }
}

function objectPath(path: ResourcePath, verb: Verb): ObjectPath {
  const { resource, namespace, name } = path;
  if (!resource.verbs.includes(verb) || name === undefined) throw methodNotAllowed();
  return { resource, namespace: namespace ?? '', name };
}
