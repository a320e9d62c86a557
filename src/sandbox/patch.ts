import { isList, isObject, type Json, textAt } from './json.ts';

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json | undefined> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** Keys by which Kubernetes merges lists of objects, by the list's name (patchMergeKey in k8s.io/api). */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  conditions: 'type',
  ownerReferences: 'uid',
  tolerations: 'key',
};
/** Lists of plain values that are merged as sets. */
const SET_LISTS: readonly string[] = ['finalizers'];

/** Kubernetes' strategic merge patch, as far as the sandbox's kinds need it. */
export function strategicPatch(target: Json | undefined, patch: Json, listName = ''): Json {
  if (isList(patch)) return strategicList(target, patch, listName);
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'delete') return null;
  const replaces = patch['$patch'] === 'replace';
  const result: Record<string, Json | undefined> = isObject(target) && !replaces ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || name === '$patch' || name.startsWith('$setElementOrder/')) continue;
    const removed = /^\$deleteFromPrimitiveList\/(.+)$/.exec(name)?.[1];
    if (removed !== undefined) {
      const left = result[removed];
      result[removed] = isList(left) && isList(value) ? left.filter(item => !value.includes(item)) : left;
    } else if (name === '$retainKeys') {
      for (const key of Object.keys(result)) if (isList(value) && !value.includes(key)) delete result[key];
    } else if (value === null || textAt(value, '$patch') === 'delete') delete result[name];
    else result[name] = strategicPatch(result[name], value, name);
  }
  return result;
}

function strategicList(target: Json | undefined, patch: readonly Json[], listName: string): Json {
  const key = MERGE_KEYS[listName];
  const current = isList(target) ? target : [];
  if (key === undefined) {
    return SET_LISTS.includes(listName) ? [...new Set([...current, ...patch])] : patch;
  }
  const merged = [...current];
  for (const item of patch) {
    const id = textAt(item, key);
    const index = merged.findIndex(candidate => textAt(candidate, key) === id);
    if (textAt(item, '$patch') === 'delete') {
      if (index >= 0) merged.splice(index, 1);
    } else if (index >= 0) merged[index] = strategicPatch(merged[index], item);
    else merged.push(strategicPatch(undefined, item));
  }
  return merged;
}
