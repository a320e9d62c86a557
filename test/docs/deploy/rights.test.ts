import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/policy/caller.ts';
import { ORIGINAL_USER, SESSION_MARKER, upstreamHeaders } from '../../../src/policy/impersonate.ts';
import { object, objects, type RenderOptions } from '../../support/chart.ts';

const SOURCE = fileURLToPath(new URL('../../../src/', import.meta.url));

/** What Kubernetes puts into the extra values of a service account's token. */
const TOKEN_EXTRA = ['credential-id', 'node-name', 'node-uid', 'pod-name', 'pod-uid'].map(
  key => `authentication.kubernetes.io/${key}`,
);

/** Requests that the proxy makes as itself, and the right that each takes; undefined: every account may. */
const OWN_REQUESTS: Readonly<Record<string, string | undefined>> = {
  '/api/v1/namespaces/${encodeURIComponent(namespace)}/events': 'create /events',
  '/apis/authentication.k8s.io/v1/tokenreviews': 'create authentication.k8s.io/tokenreviews',
  // system:basic-user
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': undefined,
};

/** `verb group/resource`, and ` as NAMES` where the rule is for some names only. */
function rightsOf(role: {
  rules: {
    apiGroups?: string[];
    resources?: string[];
    nonResourceURLs?: string[];
    verbs: string[];
    resourceNames?: string[];
  }[];
}): string[] {
  return role.rules.flatMap(
    ({ apiGroups = [], resources = [], nonResourceURLs = [], verbs, resourceNames }) => {
      const names = resourceNames === undefined ? '' : ` as ${resourceNames.join(', ')}`;
      const objects = apiGroups.flatMap(group => resources.map(resource => `${group}/${resource}`));
      return [...objects, ...nonResourceURLs].flatMap(what => verbs.map(verb => `${verb} ${what}${names}`));
    },
  );
}

async function roleOf(options: RenderOptions): Promise<string[]> {
  return rightsOf(await object('ClusterRole', options)).sort();
}

/** The rights that the API server asks for the impersonation headers of a request (its legacy mode). */
function rightsFor(caller: Caller, marker?: string): string[] {
  const headers = upstreamHeaders([], caller, marker === undefined ? {} : { marker });
  const names = headers.filter((_text, at) => at % 2 === 0);
  const account = caller.user.startsWith('system:serviceaccount:');
  return names.map(name => {
    if (name === 'Impersonate-User') return `impersonate /${account ? 'serviceaccounts' : 'users'}`;
    if (name === 'Impersonate-Group') return 'impersonate /groups';
    if (name === 'Impersonate-Uid') return 'impersonate authentication.k8s.io/uids';
    const key = /^Impersonate-Extra-(.*)$/.exec(name)?.[1];
    if (key === undefined) throw new Error(`${name} is no header of impersonation`);
    return `impersonate authentication.k8s.io/userextras/${decodeURIComponent(key)}`;
  });
}

const person: Caller = { user: 'ann', groups: ['dev'], uid: '1', source: 'static', rules: [] };
const account: Caller = {
  ...person,
  user: 'system:serviceaccount:people:ann',
  groups: ['system:serviceaccounts'],
  extra: Object.fromEntries(TOKEN_EXTRA.map(key => [key, ['x']])),
};
const sorted = (rights: readonly string[]): string[] => [...new Set(rights)].sort();

test('every request that the source makes as itself is known here', () => {
  const elsewhere = /^(sandbox|live|admin|recorder|cli\/check-road)/;
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
    name => name.endsWith('.ts') && !elsewhere.test(name),
  );
  const paths = files.flatMap(name =>
    [...readFileSync(join(SOURCE, name), 'utf8').matchAll(/['`](\/apis?\/[\w./${}()-]+)['`]/g)].map(
      match => match[1] ?? '',
    ),
  );
  // `check --request` reads what it is given; it asks nobody.
  const asked = paths.filter(path => !path.includes('/pods/'));
  expect(asked.filter(path => !Object.hasOwn(OWN_REQUESTS, path))).toEqual([]);
  expect(asked).toContain('/apis/authentication.k8s.io/v1/tokenreviews');
});

describe('classic: exactly what the requests ask for', () => {
  test('tokens of service accounts and of people', async () => {
    expect(await roleOf({ example: 'minimal' })).toEqual(
      sorted([...rightsFor(person), ...rightsFor(account), 'create authentication.k8s.io/tokenreviews']),
    );
  });

  test('the marker, and acting as somebody else', async () => {
    const acting: Caller = { ...person, extra: { [ORIGINAL_USER]: ['bob'], [TOKEN_EXTRA[0] ?? '']: ['x'] } };
    expect(await roleOf({ example: 'ha-postgres' })).toEqual(
      sorted([...rightsFor(acting, 'id'), 'create authentication.k8s.io/tokenreviews']),
    );
  });

  test('callers known by their devices: no review', async () => {
    expect(await roleOf({ example: 'tailscale-kernel' })).toEqual(sorted(rightsFor(person)));
  });

  test('Events on pods whose sessions lose their recording', async () => {
    const set = ['config.notices.kubernetesEvents=true'];
    expect(await roleOf({ example: 'tailscale-kernel', set })).toEqual(
      sorted([...rightsFor(person), 'create /events']),
    );
  });

  test('extra values of static callers and of front proxies', async () => {
    const set = [
      'config.identity={"tokenReview":null,"static":[{"user":"ann","extra":{"team":["a"]},"token":"x"}]}',
      'rbac.extraKeys=["scopes"]',
    ];
    const caller: Caller = { ...person, extra: { team: ['a'], scopes: ['view'] } };
    expect(await roleOf({ set })).toEqual(sorted(rightsFor(caller)));
  });

  test('narrowed to names', async () => {
    const set = ['rbac.users=["ann"]', 'rbac.groups=["dev"]', 'rbac.serviceAccountNamespaces=["people"]'];
    const role = await roleOf({ set });
    expect(role).toContain('impersonate /users as ann');
    expect(role).toContain(
      'impersonate /groups as dev, system:authenticated, system:serviceaccounts, system:serviceaccounts:people',
    );
  });
});

describe('constrained, where the cluster has it', () => {
  const kubeVersion = '1.36.0';

  test('people: never the classic verb, and nothing done as them that is not a verb of theirs', async () => {
    const role = await roleOf({ example: 'tailscale-kernel', kubeVersion });
    const identity = rightsFor(person).map(right =>
      right.replace('impersonate ', 'impersonate:user-info ').replace(' /', ' authentication.k8s.io/'),
    );
    expect(role.filter(right => !right.startsWith('impersonate-on:user-info:'))).toEqual(sorted(identity));
    const on = role.filter(right => right.startsWith('impersonate-on:user-info:'));
    expect(on.map(right => right.split(':')[2])).toEqual([
      ...['create */*', 'delete *', 'delete */*', 'deletecollection */*', 'get *', 'get */*', 'head *'],
      ...['list */*', 'options *', 'patch *', 'patch */*', 'post *', 'put *', 'update */*', 'watch */*'],
    ]);
  });

  test('service accounts: the classic verb for their own groups only, and not for users', async () => {
    const role = await roleOf({ example: 'minimal', kubeVersion });
    const classic = role.filter(right => right.startsWith('impersonate '));
    expect(classic.map(right => right.replace(/ as .*/, ''))).toEqual(sorted(rightsFor(account)));
    expect(classic).toContain(
      'impersonate /groups as system:authenticated, system:serviceaccounts, system:serviceaccounts:people',
    );
  });

  test('rbac.impersonation decides, whatever the version', async () => {
    const set = ['rbac.impersonation="classic"'];
    expect(await roleOf({ set, kubeVersion })).toEqual(await roleOf({ set }));
  });
});

test('noauth: no right at all', async () => {
  const set = ['config.upstream.mode="noauth"'];
  const kinds = (await objects({ set })).map(({ kind }) => kind);
  expect(kinds).not.toContain('ClusterRole');
  expect(kinds).not.toContain('ClusterRoleBinding');
});

test('the marker of the chart and of the code are one', async () => {
  const role = await roleOf({ example: 'ha-postgres' });
  expect(role).toContain(`impersonate authentication.k8s.io/userextras/${SESSION_MARKER}`);
  expect(role).toContain(`impersonate authentication.k8s.io/userextras/${ORIGINAL_USER}`);
});
