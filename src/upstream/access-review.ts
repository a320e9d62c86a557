import { z } from 'zod';
import { postJson } from './post-json.ts';
import type { Upstream } from './target.ts';

/** `resourceAttributes` of an authorization.k8s.io/v1 SelfSubjectAccessReview. */
export interface AccessQuestion {
  readonly verb: string;
  readonly resource: string;
  /** API group; empty for the core group. */
  readonly group?: string;
  readonly subresource?: string;
  /** Without one: for every name. */
  readonly name?: string;
}

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

const answerSchema = z.object({
  kind: z.literal('SelfSubjectAccessReview'),
  // Go leaves a false out of neither, but an answer without it allows nothing.
  status: z.object({ allowed: z.boolean().default(false) }),
});

/**
 * Whether the API server would let us do this, by its own word: any credential may ask for itself. Rejects, within
 * `timeoutMs`, with one line when it does not say.
 */
export async function mayWe(
  upstream: Upstream,
  question: AccessQuestion,
  limits: { readonly timeoutMs: number },
): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: question },
  };
  const parsed = answerSchema.safeParse(await postJson(upstream, PATH, review, limits));
  if (!parsed.success)
    throw new Error('its answer is not a SelfSubjectAccessReview', { cause: parsed.error });
  return parsed.data.status.allowed;
}
