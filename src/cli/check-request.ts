import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { rulesFor } from '../identity/grants.ts';
import { classify } from '../kube/request-info.ts';
import { readTarget } from '../kube/target.ts';
import { checkedCaller } from '../policy/caller.ts';
import { explain } from '../policy/explain.ts';

/** Whose request, and which. */
export interface Question {
  readonly user: string;
  /** Left out: those that `identity.static` names for the user. */
  readonly groups?: readonly string[];
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
  const { user, request, lost } = question;
  const grants = grantsOf(config);
  const known = new Set(grants.flatMap(({ rule }) => rule.recorderAddrs));
  for (const recorder of lost) {
    if (!known.has(recorder)) throw new Error(`no grant names a recorder ${JSON.stringify(recorder)}`);
  }
  const identity = { user, groups: question.groups ?? groupsOf(config, user) };
  const caller = checkedCaller({ ...identity, source: 'static', rules: rulesFor(grants, identity) });
  const { method, path } = readRequest(request);
  const requestClass = classify(readTarget(method, path).info, method);
  const { allowed, text } = explain(caller.rules, requestClass, lost);
  return {
    allowed,
    lines: [
      `caller:   ${user}, groups upstream: ${caller.groups.join(', ') || 'none'}`,
      `rules:    ${caller.rules.map(rule => rule.origin).join(', ') || 'none'}`,
      `request:  ${method} ${path} (${requestClass})`,
      `decision: ${text}`,
      ...(config.identity.tailscale === undefined
        ? []
        : ['note:     rules that the policy of the tailnet gives to a device come on top of these']),
    ],
  };
}

function groupsOf({ identity }: Config, user: string): readonly string[] {
  const named = (identity.static ?? []).filter(candidate => candidate.user === user);
  if (named.length > 1) {
    throw new Error(
      `identity.static names ${JSON.stringify(user)} ${named.length} times: say which groups with --group`,
    );
  }
  return named[0]?.groups ?? [];
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
