import { expired } from './failure.ts';
import { type JsonObject, objectAt, textAt } from './json.ts';

export type ResourceName = 'namespaces' | 'pods' | 'configmaps' | 'events';

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: ResourceName;
  readonly version: number;
  readonly object: JsonObject;
  /** What it replaces, so that a watch with a selector can tell who has left its view. */
  readonly previous: JsonObject | undefined;
}

/** Watches may begin this many changes back. */
const MAX_CHANGES = 2_000;

/** The objects, their versions, and the latest changes. Versions count over all resources, as etcd revisions do. */
export class Store {
  readonly #objects = new Map<string, JsonObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = 1;

  get version(): number {
    return this.#version;
  }

  get(resource: ResourceName, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** Sorted by namespace and name; all namespaces if none is given. */
  list(resource: ResourceName, namespace: string | undefined): JsonObject[] {
    const prefix = namespace === undefined ? `${resource}/` : `${resource}/${namespace}/`;
    return [...this.#objects.entries()]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Adds or replaces an object and gives it back with its new version. */
  put(resource: ResourceName, object: JsonObject): JsonObject {
    const key = keyOfObject(resource, object);
    const previous = this.#objects.get(key);
    const stored = this.#stamped(object);
    this.#objects.set(key, stored);
    this.#publish(previous === undefined ? 'ADDED' : 'MODIFIED', resource, stored, previous);
    return stored;
  }

  remove(resource: ResourceName, namespace: string, name: string): void {
    const key = keyOf(resource, namespace, name);
    const previous = this.#objects.get(key);
    if (previous === undefined) return;
    this.#objects.delete(key);
    this.#publish('DELETED', resource, this.#stamped(previous), previous);
  }

  /** Changes after a version. @throws ApiFailure 410 when they are no longer kept */
  since(version: number): readonly Change[] {
    const oldest = this.#changes[0]?.version ?? this.#version + 1;
    if (version + 1 < oldest && this.#changes.length >= MAX_CHANGES) throw expired();
    return this.#changes.filter(change => change.version > version);
  }

  /** Calls back on every change; the returned function stops that. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stamped(object: JsonObject): JsonObject {
    this.#version += 1;
    return {
      ...object,
      metadata: { ...objectAt(object, 'metadata'), resourceVersion: String(this.#version) },
    };
  }

  #publish(
    type: Change['type'],
    resource: ResourceName,
    object: JsonObject,
    previous: JsonObject | undefined,
  ): void {
    const change = { type, resource, version: this.#version, object, previous };
    this.#changes.push(change);
    if (this.#changes.length > MAX_CHANGES) this.#changes = this.#changes.slice(-MAX_CHANGES);
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function keyOf(resource: ResourceName, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}

function keyOfObject(resource: ResourceName, object: JsonObject): string {
  return keyOf(
    resource,
    textAt(object, 'metadata', 'namespace') ?? '',
    textAt(object, 'metadata', 'name') ?? '',
  );
}
