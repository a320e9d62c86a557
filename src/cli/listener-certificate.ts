import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { CertificateKeeper } from '../tailscale/certificate-keeper.ts';
import { openLocalApi } from '../tailscale/local-api.ts';
import { after } from './after.ts';
import { followFiles } from './follow-files.ts';
import type { KeyPair } from './key-pair.ts';
import { checkedPair } from './key-pair.ts';
import type { ReadText } from './live-files.ts';

/** Where the listener's certificate comes from, now and as it is renewed. */
export interface CertificateSource {
  readonly first: KeyPair;
  /** Hears of each new one; at once, if one came before. */
  follow(changed: (certificate: KeyPair) => void): void;
  /** Looks for a new one without waiting; from tailscaled it comes when it is due. */
  now(): void;
  close(): void;
}

/** From the two files as they are replaced, or from tailscaled. Rejects when there is none to begin with. */
export async function listenerCertificate(
  tls: Config['listen']['tls'],
  parts: { readonly clock: Clock; readonly log: Logger; readonly readText: ReadText },
): Promise<CertificateSource> {
  const { clock, log, readText } = parts;
  let follower: (certificate: KeyPair) => void = () => {};
  const follow = (changed: (certificate: KeyPair) => void): void => {
    follower = changed;
  };
  if (tls.tailscale === undefined) {
    const { cert = '', key = '' } = tls;
    const files = followFiles({
      make: read => checkedPair({ cert: read(cert), key: read(key) }),
      read: readText,
      after,
      taken: pair => {
        log.info({ cert }, 'certificate read again');
        follower(pair);
      },
      refused: (_files, problems) => log.warn({ cert, key, problems }, 'certificate not read again'),
    });
    return {
      first: files.made(),
      follow: changed => {
        follow(changed);
        // What came while the rest of the proxy was starting.
        changed(files.made());
      },
      now: () => files.now(),
      close: () => files.close(),
    };
  }
  const { domain, socket } = tls.tailscale;
  const localApi = openLocalApi({ socketPath: socket });
  const keeper = new CertificateKeeper({
    fetch: minValidityMs => localApi.certificate(domain, minValidityMs),
    clock,
    after,
    changed: ({ cert, key }) => follower({ cert, key }),
    failed: (error, retryMs) =>
      log.warn({ domain, error: messageOf(error), retryMs }, 'certificate not renewed'),
  });
  const { cert, key } = await keeper.start();
  return { first: { cert, key }, follow, now: () => {}, close: () => keeper.close() };
}
