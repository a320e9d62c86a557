import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import { checkedCaller } from '../policy/caller.ts';
import type { CallerSource, PeerCertificate, Verdict } from './authenticate.ts';
import { isIssuedBy } from './certificate-authority.ts';
import { subjectOf } from './certificate-subject.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';

export interface ClientCertificateOptions {
  /** As they are now: authorities rotate. Never those of the system. */
  readonly authorities: () => readonly X509Certificate[];
  readonly grants: readonly Grant[];
  readonly clock: Pick<Clock, 'now'>;
}

/** Knows callers by their TLS certificate, as Kubernetes does: common name is the user, organizations are the groups. */
export function clientCertificateSource(options: ClientCertificateOptions): CallerSource {
  const { authorities, grants, clock } = options;
  return {
    name: 'clientCertificate',
    reads: 'connection',
    find: async ({ peerCertificate }) => {
      if (peerCertificate === undefined) return notMine('no client certificate was shown', false);
      if (!isIssuedBy(peerCertificate.certificate, authorities())) {
        return notMine('your certificate is from an authority that counts for nothing here', true);
      }
      refuseFlawed(peerCertificate, clock.now());
      return { kind: 'known', caller: callerOfCertificate(peerCertificate.certificate, grants) };
    },
  };
}

/** The caller whom a certificate names. It must have been verified. Throws KW_UNAUTHENTICATED or KW_FORBIDDEN. */
export function callerOfCertificate(certificate: X509Certificate, grants: readonly Grant[]): Caller {
  const { commonName: user, organizations: groups } = subjectOf(certificate);
  if (user === undefined) throw unauthenticated('your certificate must have one common name, and one only');
  return checkedCaller({
    user,
    groups,
    source: 'clientCertificate',
    rules: rulesFor(grants, { user, groups }),
  });
}

/**
 * Throws KW_UNAUTHENTICATED for a certificate that the listener did not accept, and for one whose time is over since: a
 * connection can outlive it.
 */
export function refuseFlawed({ certificate, flaw }: PeerCertificate, now: number): void {
  if (flaw !== undefined) throw unauthenticated(`your certificate is not accepted (${flaw})`);
  if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
    throw unauthenticated('your certificate is not accepted (CERT_HAS_EXPIRED)');
  }
}

function notMine(message: string, shown: boolean): Verdict {
  return { kind: 'notMine', shown, refusal: unauthenticated(message) };
}

function unauthenticated(message: string): WitnessError {
  return new WitnessError('KW_UNAUTHENTICATED', message);
}
