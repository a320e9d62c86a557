import type { Config } from '../config/schema.ts';
import type { RecorderAccess } from '../recording/recorder-access.ts';
import { parseRecorderAddress } from '../recording/recorder-address.ts';
import { authoritiesIn } from './identity-sources.ts';

/** How the proxy reaches recorders; undefined: in the clear, by their addresses. */
export function recorderAccessOf(
  { recording: { tls, socks5 } }: Config,
  readText: (file: string) => string,
): RecorderAccess | undefined {
  const through = socks5 === undefined ? {} : { socks5: parseRecorderAddress(socks5) };
  if (tls === undefined) return socks5 === undefined ? undefined : through;
  const { ca, cert, key, tokenFile } = tls;
  // OpenSSL would take a text without any certificate for no authority at all.
  if (ca !== undefined) authoritiesIn(ca, readText);
  return {
    ...through,
    tls: {
      ...(ca === undefined ? {} : { ca: readText(ca) }),
      ...(cert === undefined ? {} : { cert: readText(cert) }),
      ...(key === undefined ? {} : { key: readText(key) }),
    },
    ...(tokenFile === undefined ? {} : { token: readText(tokenFile).trim() }),
  };
}
