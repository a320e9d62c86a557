import type { RequestClass, RequestInfo } from './request-info.ts';

/** Where a request leads, as far as its path tells for certain. What is left out can be any namespace, any pod. */
export interface Place {
  readonly namespace?: string;
  readonly pod?: string;
}

/** RFC 1123 subdomain. The API server has no object of another name, so it is not known what such a path reaches. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * The place of a request. A kubelet reaches every pod of its node, a service whatever its endpoints say, and a nested API
 * has namespaces of its own: of these nothing is known.
 */
export function placeOf(info: RequestInfo, requestClass: RequestClass): Place {
  const { apiGroup, namespace, resource, subresource, name } = info;
  const isPod = apiGroup === '' && resource === 'pods' && name !== '';
  if (requestClass === 'node' || requestClass === 'foreign') return {};
  if (requestClass === 'relay' && !isPod) return {};
  return isPod
    ? podPlace(namespace, subresource === 'proxy' ? proxiedName(name) : name)
    : podPlace(namespace, '');
}

/** The place of a pod, without what is no name. */
export function podPlace(namespace: string, pod: string): Place {
  if (!NAME.test(namespace)) return {};
  return NAME.test(pod) ? { namespace, pod } : { namespace };
}

/** A proxy subresource takes `name`, `name:port` and `scheme:name:port` (apimachinery, SplitSchemeNamePort). */
function proxiedName(name: string): string {
  const parts = name.split(':');
  if (parts.length > 3) return '';
  return (parts.length === 3 ? parts[1] : parts[0]) ?? '';
}
