import { badRequest, invalid } from './failure.ts';
import { type JsonObject, listAt, textAt } from './json.ts';
import type { Resource } from './resources.ts';

/** RFC 1123 subdomain; names also become folders, so nothing else may pass. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME_CHARS = 253;

/** A path that names one object. */
export interface ObjectPath {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** @throws ApiFailure 400 for what contradicts the path, 422 for what cannot be stored */
export function checkObject({ resource, namespace, name }: ObjectPath, body: JsonObject): void {
  const { kind } = resource;
  const given = textAt(body, 'kind') ?? kind;
  if (given !== kind) throw badRequest(`the object provided is a ${given}, not a ${kind}`);
  const inBody = textAt(body, 'metadata', 'namespace') ?? namespace;
  if (inBody !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const named = textAt(body, 'metadata', 'name') ?? name;
  if (named !== name)
    throw badRequest(`the name of the object (${named}) does not match the name on the URL`);
  checkName(kind, name, name, 'metadata.name');
  if (kind !== 'Pod') return;
  const containers = listAt(body, 'spec', 'containers').map(container => textAt(container, 'name') ?? '');
  if (containers.length === 0) throw invalid(kind, name, 'spec.containers: Required value');
  for (const container of containers) checkName(kind, name, container, 'spec.containers[].name');
  if (new Set(containers).size < containers.length) {
    throw invalid(kind, name, 'spec.containers[].name: Duplicate value');
  }
}

export function checkName(kind: string, object: string, name: string, field: string): void {
  if (!NAME.test(name) || name.length > MAX_NAME_CHARS) {
    throw invalid(kind, object, `${field}: Invalid value: "${name}": must be a lowercase RFC 1123 subdomain`);
  }
}
