import { WitnessError } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import type { Authenticator, CallerSource } from './authenticate.ts';

/** Extra keys that say what this proxy did; no source may say it in our place. */
const OWN_EXTRA_PREFIX = 'kubewitness.dev/';

/**
 * Asks the sources in order, and takes the first caller that one knows. An error of a source ends it: a caller whom the
 * first source would hold to strict rules must not get milder ones from the next because the first is down. So does a
 * bearer token that no source knows: whoever shows a token means to be known by it. Behind a relay that names nobody, nobody
 * is known by the relay's own connection.
 */
export function firstThatKnows(sources: readonly CallerSource[]): Authenticator {
  return async request => {
    const refusals: WitnessError[] = [];
    let unknownToken: WitnessError | undefined;
    let relayed = false;
    for (const source of sources) {
      if ((unknownToken !== undefined || relayed) && source.reads !== 'bearerToken') continue;
      const verdict = await source.find(request);
      if (verdict.kind === 'known') return withoutOurWords(verdict.caller);
      if (verdict.shown && source.reads === 'bearerToken') unknownToken ??= verdict.refusal;
      relayed ||= verdict.relayed === true;
      refusals.push(verdict.refusal);
    }
    throw unknownToken ?? together(refusals);
  };
}

function together(refusals: readonly WitnessError[]): WitnessError {
  const [first, ...more] = refusals;
  if (first !== undefined && more.length === 0) return first;
  const reasons = [...new Set(refusals.map(({ message }) => message))];
  return new WitnessError('KW_UNAUTHENTICATED', `you are not known here: ${reasons.join('; ')}`);
}

function withoutOurWords(caller: Caller): Caller {
  const extra = Object.entries(caller.extra ?? {});
  const kept = extra.filter(([key]) => !key.startsWith(OWN_EXTRA_PREFIX));
  return kept.length === extra.length ? caller : { ...caller, extra: Object.fromEntries(kept) };
}
