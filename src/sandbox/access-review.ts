import { badRequest } from './failure.ts';
import type { Identity } from './identity.ts';
import { PROXY_ACCOUNT } from './identity.ts';
import type { JsonObject } from './json.ts';
import { isObject } from './json.ts';

/** `kubectl auth can-i`: here everybody may do everything, but only the proxy may be somebody else. @throws ApiFailure 400 */
export function selfSubjectAccessReview(review: JsonObject, { user }: Identity): JsonObject {
  const { spec } = review;
  if (!isObject(spec)) throw badRequest('a SelfSubjectAccessReview needs a spec');
  const attributes = spec['resourceAttributes'];
  const verb = isObject(attributes) ? attributes['verb'] : undefined;
  const impersonates = typeof verb === 'string' && verb.startsWith('impersonate');
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: { creationTimestamp: null },
    spec,
    status: { allowed: !impersonates || user === PROXY_ACCOUNT },
  };
}
