import type { Config } from '../config/schema.ts';
import type { Place } from '../kube/place.ts';
import { placeOf } from '../kube/place.ts';
import { classify } from '../kube/request-info.ts';
import { readTarget } from '../kube/target.ts';
import { explain } from '../policy/explain.ts';
import { rulesAt } from '../policy/scope.ts';
import type { Supposed } from './check-caller.ts';
import { refuseUnknownRecorders, supposedCaller, tailnetNote } from './check-caller.ts';

/** Whose request, and which. */
export interface Question extends Supposed {
  /** `exec NAMESPACE/POD`, `attach …`, `port-forward …`, or `METHOD /path`. */
  readonly request: string;
  /** Recorders taken to be down, `host:port`. */
  readonly lost: readonly string[];
}

const SUBRESOURCES: Readonly<Record<string, string>> = {
  exec: 'exec',
  attach: 'attach',
  'port-forward': 'portforward',
};

/**
 * Says what the proxy would decide, in lines for people, and whether the request would go on. Throws for a request that
 * cannot be read, a caller who cannot be carried upstream, and a lost recorder that the configuration does not name.
 */
export function answer(config: Config, question: Question): { allowed: boolean; lines: string[] } {
  const { request, lost } = question;
  refuseUnknownRecorders(config, lost);
  const { user, groups, rules } = supposedCaller(config, question);
  const { method, path } = readRequest(request);
  const { info } = readTarget(method, path);
  const requestClass = classify(info, method);
  const place = placeOf(info, requestClass);
  const { fate, text } = explain(rules, requestClass, { place, lost });
  const here = new Set(rulesAt(rules, place));
  const names = rules.map(rule => (here.has(rule) ? rule.origin : `${rule.origin} (records elsewhere)`));
  return {
    allowed: fate !== 'refused',
    lines: [
      config.upstream.mode === 'noauth'
        ? `caller:   ${user}, upstream by their own credential`
        : `caller:   ${user}, groups upstream: ${groups.join(', ') || 'none'}`,
      `rules:    ${names.join(', ') || 'none'}`,
      `request:  ${method} ${path} (${requestClass}, ${placeInWords(place)})`,
      `decision: ${text}`,
      ...tailnetNote(config),
    ],
  };
}

function placeInWords({ namespace, pod }: Place): string {
  if (namespace === undefined) return 'its place is not known, so every rule holds';
  return pod === undefined ? `in ${namespace}` : `at ${namespace}/${pod}`;
}

function readRequest(request: string): { method: string; path: string } {
  const [, verb = '', namespace, pod] = /^([a-z-]+) ([^/\s?#]+)\/([^/\s?#]+)$/.exec(request) ?? [];
  const subresource = SUBRESOURCES[verb];
  if (subresource !== undefined) {
    return { method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/${pod}/${subresource}` };
  }
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(request) ?? [];
  if (method !== undefined && path !== undefined) return { method, path };
  throw new Error(
    `cannot read the request ${JSON.stringify(request)}: write "exec NAMESPACE/POD", "attach …", "port-forward …" or "GET /path"`,
  );
}
