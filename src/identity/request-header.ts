import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { pairsOf, valuesOf } from '../headers.ts';
import { singleValue } from '../kube/single-value.ts';
import { checkedCaller } from '../policy/caller.ts';
import type { CallerSource, Verdict } from './authenticate.ts';
import { isIssuedBy } from './certificate-authority.ts';
import { subjectOf } from './certificate-subject.ts';
import { refuseFlawed } from './client-certificate.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';
import { decodeExtraKey, decodeHeaderText } from './header-text.ts';

/** Names of the headers that a front proxy writes, and the start of those with extra values. */
export interface IdentityHeaders {
  readonly user: string;
  readonly group: string;
  readonly uid: string;
  readonly extraPrefix: string;
}

/** As Kubernetes names them (`--requestheader-…-headers`). */
export const DEFAULT_IDENTITY_HEADERS: IdentityHeaders = {
  user: 'X-Remote-User',
  group: 'X-Remote-Group',
  uid: 'X-Remote-Uid',
  extraPrefix: 'X-Remote-Extra-',
};

export interface RequestHeaderOptions {
  /** Of front proxies alone, as they are now. */
  readonly authorities: () => readonly X509Certificate[];
  /** Common names of the certificates that may speak for others. Never empty. */
  readonly allowedNames: readonly string[];
  readonly headers: IdentityHeaders;
  readonly grants: readonly Grant[];
  readonly clock: Pick<Clock, 'now'>;
}

/** Believes the identity headers of a front proxy that shows a certificate of its own; from anybody else they are air. */
export function requestHeaderSource(options: RequestHeaderOptions): CallerSource {
  const { authorities, allowedNames, headers, grants, clock } = options;
  return {
    name: 'requestHeader',
    reads: 'connection',
    find: async ({ peerCertificate, rawHeaders }) => {
      if (peerCertificate === undefined) return notMine('no front proxy speaks for you', false);
      const { certificate } = peerCertificate;
      const { commonName = '' } = subjectOf(certificate);
      if (!isIssuedBy(certificate, authorities()) || !allowedNames.includes(commonName)) {
        return notMine('your certificate is not that of a front proxy', true);
      }
      refuseFlawed(peerCertificate, clock.now());
      const user = singleValue(rawHeaders, headers.user);
      if (user === undefined || user === '') {
        return { ...notMine('the front proxy names no user', true), relayed: true };
      }
      const uid = singleValue(rawHeaders, headers.uid);
      const identity = {
        user: decodeHeaderText(user),
        groups: valuesOf(rawHeaders, headers.group).map(decodeHeaderText),
      };
      const extra = extraOf(rawHeaders, headers.extraPrefix);
      const caller = checkedCaller({
        ...identity,
        ...(uid === undefined || uid === '' ? {} : { uid: decodeHeaderText(uid) }),
        ...(Object.keys(extra).length === 0 ? {} : { extra }),
        source: 'requestHeader',
        rules: rulesFor(grants, identity),
      });
      return { kind: 'known', caller };
    },
  };
}

function extraOf(raw: RawHeaders, prefix: string): Readonly<Record<string, readonly string[]>> {
  const start = prefix.toLowerCase();
  const extra = new Map<string, string[]>();
  for (const [name, value] of pairsOf(raw)) {
    if (!name.toLowerCase().startsWith(start)) continue;
    const key = decodeExtraKey(name.slice(start.length));
    extra.set(key, [...(extra.get(key) ?? []), decodeHeaderText(value)]);
  }
  return Object.fromEntries(extra);
}

function notMine(message: string, shown: boolean): Verdict {
  return { kind: 'notMine', shown, refusal: new WitnessError('KW_UNAUTHENTICATED', message) };
}
