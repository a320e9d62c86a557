import type { Account } from './identity.ts';
import { API_AUDIENCE, accountOf } from './identity.ts';
import type { JsonObject } from './json.ts';
import { listAt, objectAt, textAt } from './json.ts';

/** The API server's answer to a TokenReview (authentication.k8s.io/v1). */
export function reviewed(review: JsonObject, accounts: readonly Account[]): JsonObject {
  const asked = listAt(review, 'spec', 'audiences').filter(audience => typeof audience === 'string');
  const account = accountOf(
    accounts,
    textAt(review, 'spec', 'token') ?? '',
    asked.length === 0 ? [API_AUDIENCE] : asked,
  );
  return {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp: null },
    spec: objectAt(review, 'spec'),
    status: account === undefined ? refused : accepted(account),
  };
}

const refused: JsonObject = { user: {}, error: 'invalid bearer token' };

function accepted({ identity, audiences }: NonNullable<ReturnType<typeof accountOf>>): JsonObject {
  const { user, uid, groups, extra } = identity;
  return {
    authenticated: true,
    user: { username: user, uid, groups, extra: Object.keys(extra).length === 0 ? undefined : extra },
    audiences,
  };
}
