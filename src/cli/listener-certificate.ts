import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { CertificateKeeper } from '../tailscale/certificate-keeper.ts';
import { openLocalApi } from '../tailscale/local-api.ts';

export interface ListenerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where the listener's certificate comes from, now and as it is renewed. */
export interface CertificateSource {
  readonly first: ListenerCertificate;
  /** Hears of each new one. */
  follow(changed: (certificate: ListenerCertificate) => void): void;
  close(): void;
}

/** From the two files, or from tailscaled. Rejects when there is none to begin with. */
export async function listenerCertificate(
  { listen: { tls } }: Config,
  parts: { readonly clock: Clock; readonly log: Logger; readonly readText: (file: string) => string },
): Promise<CertificateSource> {
  const { clock, log, readText } = parts;
  if (tls.tailscale === undefined) {
    const first = { cert: readText(tls.cert ?? ''), key: readText(tls.key ?? '') };
    return { first, follow: () => {}, close: () => {} };
  }
  const { domain, socket } = tls.tailscale;
  const localApi = openLocalApi({ socketPath: socket });
  let follower: (certificate: ListenerCertificate) => void = () => {};
  const keeper = new CertificateKeeper({
    fetch: minValidityMs => localApi.certificate(domain, minValidityMs),
    clock,
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
    changed: ({ cert, key }) => follower({ cert, key }),
    failed: (error, retryMs) =>
      log.warn({ domain, error: messageOf(error), retryMs }, 'certificate not renewed'),
  });
  const { cert, key } = await keeper.start();
  return {
    first: { cert, key },
    follow: changed => {
      follower = changed;
    },
    close: () => keeper.close(),
  };
}
