import type { AccessQuestion } from '../upstream/access-review.ts';

/** What the configuration lets us set towards the API server. */
export interface ImpersonationNeeds {
  /** Keys of extra values that are known beforehand. */
  readonly extraKeys: readonly string[];
  readonly uids: boolean;
}

/** Asks the API server whether we may; rejects when it does not say. */
export type Ask = (question: AccessQuestion) => Promise<boolean>;

interface Right {
  /** As RBAC rules name it, for people. */
  readonly name: string;
  /** One of them is enough. */
  readonly questions: readonly AccessQuestion[];
}

const AUTHENTICATION = 'authentication.k8s.io';

/**
 * Each right in the ways in which a cluster can give it: the verb `impersonate`, or the one of constrained impersonation
 * (KEP-5284), for which all four resources are in authentication.k8s.io.
 */
export function impersonationRights({ extraKeys, uids }: ImpersonationNeeds): Right[] {
  const either = (classicGroup: string, attributes: Omit<AccessQuestion, 'verb' | 'group'>): Right => ({
    name: [attributes.resource, attributes.subresource].filter(part => part !== undefined).join('/'),
    questions: [
      { verb: 'impersonate', group: classicGroup, ...attributes },
      { verb: 'impersonate:user-info', group: AUTHENTICATION, ...attributes },
    ],
  });
  return [
    either('', { resource: 'users' }),
    either('', { resource: 'groups' }),
    ...(uids ? [either(AUTHENTICATION, { resource: 'uids' })] : []),
    ...extraKeys.map(key => either(AUTHENTICATION, { resource: 'userextras', subresource: key })),
  ];
}

/** Rejects with the rights that are missing, or with why the API server does not say. */
export async function checkImpersonation(ask: Ask, needs: ImpersonationNeeds): Promise<undefined> {
  const missing: string[] = [];
  for (const { name, questions } of impersonationRights(needs)) {
    if (!(await anyAllowed(ask, questions))) missing.push(name);
  }
  if (missing.length > 0) throw new Error(`we may not impersonate ${missing.join(', ')}`);
  return undefined;
}

async function anyAllowed(ask: Ask, questions: readonly AccessQuestion[]): Promise<boolean> {
  for (const question of questions) if (await ask(question)) return true;
  return false;
}
