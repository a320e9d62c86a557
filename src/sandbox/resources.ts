import type { ResourceName } from './store.ts';

export interface Resource {
  readonly name: ResourceName;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
}

export type Verb = 'create' | 'delete' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly Verb[];
}

const READS: readonly Verb[] = ['get', 'list', 'watch'];

/** What the sandbox has of core/v1; discovery and routing both follow from it. */
export const RESOURCES: readonly Resource[] = [
  {
    name: 'namespaces',
    singular: 'namespace',
    kind: 'Namespace',
    namespaced: false,
    verbs: READS,
    shortNames: ['ns'],
    categories: [],
    subresources: [],
  },
  {
    name: 'pods',
    singular: 'pod',
    kind: 'Pod',
    namespaced: true,
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'],
    shortNames: ['po'],
    categories: ['all'],
    subresources: [
      { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
      { name: 'ephemeralcontainers', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
      { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
      { name: 'log', kind: 'Pod', verbs: ['get'] },
      { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    ],
  },
  {
    name: 'configmaps',
    singular: 'configmap',
    kind: 'ConfigMap',
    namespaced: true,
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['cm'],
    categories: [],
    subresources: [],
  },
  {
    name: 'events',
    singular: 'event',
    kind: 'Event',
    namespaced: true,
    verbs: ['create', ...READS],
    shortNames: ['ev'],
    categories: [],
    subresources: [],
  },
];

/** Where in `/api/v1` a request points. Namespace undefined: all of them, or a resource without namespaces. */
export interface ResourcePath {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Reads the segments behind `/api/v1`; undefined where the API server has no such route. */
export function resourcePath(segments: readonly string[]): ResourcePath | undefined {
  const [first, second, third] = segments;
  if (first === undefined) return undefined;
  if (first !== 'namespaces' || third === undefined) {
    const resource = find(first);
    if (resource === undefined || segments.length > 2) return undefined;
    // Only a resource without namespaces can be named without one.
    if (second !== undefined && resource.namespaced) return undefined;
    return { resource, namespace: undefined, name: second, subresource: undefined };
  }
  const [, , , name, subresource, ...more] = segments;
  const resource = find(third);
  if (resource?.namespaced !== true || more.length > 0) return undefined;
  return { resource, namespace: second, name, subresource };
}

function find(name: string): Resource | undefined {
  return RESOURCES.find(resource => resource.name === name);
}
