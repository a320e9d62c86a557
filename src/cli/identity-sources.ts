import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { SourceName } from '../config/identity-schema.ts';
import { sourceOrder } from '../config/identity-schema.ts';
import { grantsOf, identitiesOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Authenticator, CallerSource } from '../identity/authenticate.ts';
import { clientCertificateListener, parseAuthorities } from '../identity/certificate-authority.ts';
import { clientCertificateSource } from '../identity/client-certificate.ts';
import { requestHeaderSource } from '../identity/request-header.ts';
import { firstThatKnows } from '../identity/sources.ts';
import { staticSource } from '../identity/static-tokens.ts';
import { tailscaleSource } from '../identity/tailscale.ts';
import { tokenReviewSource } from '../identity/token-review.ts';
import { reviewAtUpstream } from '../identity/token-review-request.ts';
import type { Logger } from '../log.ts';
import { openLocalApi } from '../tailscale/local-api.ts';
import type { Upstream } from '../upstream/target.ts';
import { makeEach } from './start-problems.ts';
import type { TailscaleWatches } from './tailscale-watches.ts';

export interface SourceParts {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly readText: (file: string) => string;
  /** Of each tailscaled in use. */
  readonly watches: TailscaleWatches;
}

/** The sources of a configuration, in its order, as one. */
export function authenticatorOf(config: Config, parts: SourceParts): Authenticator {
  const order = sourceOrder(config.identity);
  return firstThatKnows(makeEach(order, name => sourceOf(name, config, parts)).flat());
}

function sourceOf(name: SourceName, config: Config, parts: SourceParts): CallerSource[] {
  const { clock, log, readText } = parts;
  const { identity } = config;
  const grants = grantsOf(config);
  if (name === 'static') return [staticSource(identitiesOf(config, readText), grants)];
  if (name === 'tailscale' && identity.tailscale !== undefined) {
    const localApi = openLocalApi({ socketPath: identity.tailscale.socket });
    const watch = parts.watches.of(identity.tailscale.socket);
    return [tailscaleSource({ localApi, watch, grants, clock, log })];
  }
  if (name === 'tokenReview' && identity.tokenReview !== undefined) {
    const review = reviewAtUpstream(parts.upstream);
    return [tokenReviewSource({ ...identity.tokenReview, review, grants, clock, log })];
  }
  if (name === 'clientCertificate' && identity.clientCertificate !== undefined) {
    const authorities = authoritiesIn(identity.clientCertificate.ca, readText);
    return [clientCertificateSource({ authorities: () => authorities, grants, clock })];
  }
  if (name === 'requestHeader' && identity.requestHeader !== undefined) {
    const { ca, allowedNames, userHeader, groupHeader, uidHeader, extraHeaderPrefix } =
      identity.requestHeader;
    const authorities = authoritiesIn(ca, readText);
    const headers = { user: userHeader, group: groupHeader, uid: uidHeader, extraPrefix: extraHeaderPrefix };
    return [requestHeaderSource({ authorities: () => authorities, allowedNames, headers, grants, clock })];
  }
  return [];
}

/** The certificates of a file. Throws one line that names it. */
export function authoritiesIn(file: string, readText: (file: string) => string): X509Certificate[] {
  const text = readText(file);
  return naming(file, () => parseAuthorities(text));
}

function naming<Made>(file: string, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw new Error(`cannot use ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** What the listener needs so that clients may show certificates; nothing where no source reads them. */
export function clientTls({ identity }: Config, readText: (file: string) => string) {
  const readers = [identity.clientCertificate, identity.requestHeader].filter(source => source !== undefined);
  if (readers.length === 0) return {};
  const lists = readers.flatMap(({ crl }) => (crl === undefined ? [] : [{ crl, text: readText(crl) }]));
  for (const { crl, text } of lists) {
    naming(crl, () => clientCertificateListener({ authorities: [], revocationLists: [text] }));
  }
  return clientCertificateListener({
    authorities: readers.map(({ ca }) => readText(ca)),
    revocationLists: lists.map(({ text }) => text),
  });
}
