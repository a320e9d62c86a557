import type { JsonObject } from './json.ts';
import { RESOURCES } from './resources.ts';

const AUTHENTICATION = 'authentication.k8s.io';

export const VERSION: JsonObject = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+sandbox',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
};

/** `GET /api`. The address list is for clients outside of the cluster that would rather go straight to a server. */
export function apiVersions(address: string): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** `GET /apis/authentication.k8s.io` */
export const authenticationGroup: JsonObject = {
  kind: 'APIGroup',
  apiVersion: 'v1',
  ...groupVersions(),
};

/** `GET /apis` */
export const apiGroups: JsonObject = { kind: 'APIGroupList', apiVersion: 'v1', groups: [groupVersions()] };

function groupVersions(): JsonObject {
  const version = { groupVersion: `${AUTHENTICATION}/v1`, version: 'v1' };
  return { name: AUTHENTICATION, versions: [version], preferredVersion: version };
}

/** `GET /api/v1` */
export const coreResources: JsonObject = {
  kind: 'APIResourceList',
  groupVersion: 'v1',
  resources: RESOURCES.flatMap(resource => [
    {
      name: resource.name,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: resource.verbs,
      shortNames: resource.shortNames,
      categories: resource.categories,
    },
    ...resource.subresources.map(subresource => ({
      name: `${resource.name}/${subresource.name}`,
      singularName: '',
      namespaced: resource.namespaced,
      kind: subresource.kind,
      verbs: subresource.verbs,
    })),
  ]),
};

/** `GET /apis/authentication.k8s.io/v1` */
export const authenticationResources: JsonObject = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${AUTHENTICATION}/v1`,
  resources: [
    {
      name: 'selfsubjectreviews',
      singularName: 'selfsubjectreview',
      namespaced: false,
      kind: 'SelfSubjectReview',
      verbs: ['create'],
    },
    {
      name: 'tokenreviews',
      singularName: 'tokenreview',
      namespaced: false,
      kind: 'TokenReview',
      verbs: ['create'],
    },
  ],
};

const AGGREGATED = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {} };
export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `GET /api` for clients that ask for everything in one answer (KEP-3352). */
export const aggregatedCore: JsonObject = {
  ...AGGREGATED,
  items: [
    {
      metadata: { name: '', creationTimestamp: null },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: RESOURCES.map(resource => ({
            resource: resource.name,
            responseKind: { group: '', version: 'v1', kind: resource.kind },
            scope: resource.namespaced ? 'Namespaced' : 'Cluster',
            singularResource: resource.singular,
            verbs: resource.verbs,
            shortNames: resource.shortNames,
            categories: resource.categories,
            subresources: resource.subresources.map(subresource => ({
              subresource: subresource.name,
              responseKind: { group: '', version: 'v1', kind: subresource.kind },
              verbs: subresource.verbs,
            })),
          })),
        },
      ],
    },
  ],
};

/** `GET /apis`, likewise. */
export const aggregatedGroups: JsonObject = {
  ...AGGREGATED,
  items: [
    {
      metadata: { name: AUTHENTICATION, creationTimestamp: null },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: [
            {
              resource: 'selfsubjectreviews',
              responseKind: { group: AUTHENTICATION, version: 'v1', kind: 'SelfSubjectReview' },
              scope: 'Cluster',
              singularResource: 'selfsubjectreview',
              verbs: ['create'],
            },
            {
              resource: 'tokenreviews',
              responseKind: { group: AUTHENTICATION, version: 'v1', kind: 'TokenReview' },
              scope: 'Cluster',
              singularResource: 'tokenreview',
              verbs: ['create'],
            },
          ],
        },
      ],
    },
  ],
};
