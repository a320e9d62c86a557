import * as client from '@kubernetes/client-node';

/**
 * What is wrong with an object, as the API server would see it with `fieldValidation: Strict`: types, required fields and
 * enums by the JSON schemas that kubernetes-models compiles from the published OpenAPI, and fields that there are not by
 * the client's own list, which those schemas let pass.
 */
export async function problemsOf(object: {
  readonly apiVersion: string;
  readonly kind: string;
}): Promise<string[]> {
  const where = `${object.kind}`;
  const custom = object.apiVersion.startsWith('monitoring.coreos.com/');
  const home = custom ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  const module: unknown = await import(`${home}/${object.apiVersion}/${object.kind}`);
  const Model: unknown = Object(module)[object.kind];
  if (typeof Model !== 'function') return [`${where}: there is no schema of ${object.apiVersion}`];
  const problems: string[] = [];
  try {
    Reflect.construct(Model, [object]).validate();
  } catch (error) {
    problems.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return custom ? problems : [...problems, ...unknownFields(object, `V1${object.kind}`, where)];
}

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** Fields of a value that its type does not have. Types are named as the client names them: `Array<V1Container>`. */
function unknownFields(value: unknown, type: string, path: string): string[] {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    if (!Array.isArray(value)) return [`${path}: is no list`];
    return value.flatMap((item, at) => unknownFields(item, list, `${path}[${at}]`));
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    return Object.entries(Object(value)).flatMap(([key, item]) => unknownFields(item, map, `${path}.${key}`));
  }
  const attributes = attributesOf(type);
  if (attributes === undefined) return [];
  return Object.entries(Object(value)).flatMap(([key, item]) => {
    const attribute = attributes.find(({ baseName }) => baseName === key);
    return attribute === undefined
      ? [`${path}.${key}: there is no such field`]
      : unknownFields(item, attribute.type, `${path}.${key}`);
  });
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  const model: unknown = Object(client)[type];
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return undefined;
  const { getAttributeTypeMap } = model;
  return typeof getAttributeTypeMap === 'function' ? getAttributeTypeMap.call(model) : undefined;
}
