import type { JsonObject } from './json.ts';
import { RESOURCES } from './resources.ts';

/** `GET /openapi/v3`: which documents there are. */
export const openapiIndex: JsonObject = {
  paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=sandbox' } },
};

const INFO = { title: 'Kubernetes sandbox', version: 'v1.36.0' };

/**
 * `GET /openapi/v3/api/v1`: no schemas, only what kubectl looks for before it leaves the validation to the server, a
 * PATCH of the kind with the parameter `fieldValidation`.
 */
export const openapiCore: JsonObject = {
  openapi: '3.0.0',
  info: INFO,
  paths: Object.fromEntries(
    RESOURCES.filter(({ verbs }) => verbs.includes('patch')).map(resource => [
      `/api/v1/namespaces/{namespace}/${resource.name}/{name}`,
      {
        patch: {
          operationId: `patchCoreV1Namespaced${resource.kind}`,
          parameters: [
            {
              name: 'fieldValidation',
              in: 'query',
              schema: { type: 'string', uniqueItems: true },
            },
          ],
          responses: { '200': { description: 'OK' } },
          'x-kubernetes-action': 'patch',
          'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: resource.kind },
        },
      },
    ]),
  ),
  components: { schemas: {} },
};

/** `GET /openapi/v2` for clients that take JSON. */
export const openapiV2: JsonObject = { swagger: '2.0', info: INFO, paths: {}, definitions: {} };
