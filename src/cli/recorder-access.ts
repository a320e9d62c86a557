import type { Config } from '../config/schema.ts';
import type { RecorderAccess } from '../recording/recorder-access.ts';
import { authoritiesIn } from './identity-sources.ts';

/** How the proxy speaks to recorders; undefined: in the clear. */
export function recorderAccessOf(
  { recording: { tls } }: Config,
  readText: (file: string) => string,
): RecorderAccess | undefined {
  if (tls === undefined) return undefined;
  const { ca, cert, key, tokenFile } = tls;
  // OpenSSL would take a text without any certificate for no authority at all.
  if (ca !== undefined) authoritiesIn(ca, readText);
  return {
    tls: {
      ...(ca === undefined ? {} : { ca: readText(ca) }),
      ...(cert === undefined ? {} : { cert: readText(cert) }),
      ...(key === undefined ? {} : { key: readText(key) }),
    },
    ...(tokenFile === undefined ? {} : { token: readText(tokenFile).trim() }),
  };
}
