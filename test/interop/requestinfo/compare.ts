import { expect } from 'vitest';
import { WitnessError } from '../../../src/errors.ts';
import { firstValue } from '../../../src/kube/query.ts';
import type { RequestClass, RequestInfo } from '../../../src/kube/request-info.ts';
import { classify } from '../../../src/kube/request-info.ts';
import type { KubeTarget } from '../../../src/kube/target.ts';
import { readTarget } from '../../../src/kube/target.ts';
import type { Oracle, OracleAnswer } from './oracle.ts';

export type Verdict = RequestClass | 'refused';

/**
 * Reads one request line here and at the API server. Unless it is refused here, both must see the same in it and in
 * the line that would be forwarded, and what leads to a pod or a kubelet must have its class.
 */
export async function compare(oracle: Oracle, method: string, target: string): Promise<Verdict> {
  const ours = readOrRefuse(method, target);
  if (ours === undefined) return 'refused';
  const kind = classify(ours.info, method);
  const forwarded = ours.hadQuery ? `${ours.path}?${ours.query}` : ours.path;
  for (const line of new Set([target, forwarded])) {
    const theirs = await oracle.ask(method, line);
    expect(comparable(theirs, ours.query), `${method} ${line}`).toEqual(comparable(ours.info, ours.query));
    if (!('error' in theirs)) expect(acceptable(theirs, method), `${method} ${line}`).toContain(kind);
  }
  return kind;
}

function readOrRefuse(method: string, target: string): KubeTarget | undefined {
  try {
    return readTarget(method, target);
  } catch (error) {
    expect(error).toBeInstanceOf(WitnessError);
    return undefined;
  }
}

/**
 * Two differences are meant. Slashes at the end mean nothing to the API server inside of the resource tree, and are
 * not forwarded. A list narrowed to one name by its field selector gets that name there, for authorization; here the
 * name is that of the path.
 */
function comparable(info: OracleAnswer, query: string): unknown {
  if ('error' in info) return info;
  const named = info.parts.length < 2 && firstValue(query, 'fieldSelector') !== undefined;
  return { ...info, path: info.path.replace(/\/+$/, ''), name: named ? '' : info.name };
}

/** Which classes a request may have, from what the API server itself sees in it. */
function acceptable(info: RequestInfo, method: string): readonly RequestClass[] {
  const { isResourceRequest, apiGroup, resource, subresource } = info;
  const harmless: readonly RequestClass[] = ['plain', 'foreign'];
  if (!isResourceRequest || apiGroup !== '') return harmless;
  if (resource === 'nodes' && subresource !== '' && subresource !== 'status') return ['node'];
  switch (`${resource}/${subresource}`) {
    case 'pods/exec':
    case 'pods/attach':
      return ['session'];
    case 'pods/portforward':
      return ['tunnel'];
    case 'pods/proxy':
    case 'services/proxy':
      return ['relay'];
    case 'pods/ephemeralcontainers':
      return method === 'GET' || method === 'HEAD' ? harmless : ['debug'];
    default:
      return harmless;
  }
}
