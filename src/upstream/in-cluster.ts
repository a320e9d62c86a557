import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { UpstreamEntry } from './entry.ts';
import { UpstreamConfigError } from './entry.ts';

/** What a pod is given to reach its own API server. */
export interface InCluster {
  /** KUBERNETES_SERVICE_HOST. */
  readonly host: string | undefined;
  /** KUBERNETES_SERVICE_PORT. */
  readonly port: string | undefined;
  /** The mounted service account: `token` and `ca.crt` lie in it. */
  readonly folder: string;
}

/** @throws UpstreamConfigError outside a cluster */
export function inClusterEntry({ host, port, folder }: InCluster): UpstreamEntry {
  const problems: string[] = [];
  if (host === undefined || host === '') problems.push('KUBERNETES_SERVICE_HOST is not set: not in a pod?');
  if (port === undefined || port === '') problems.push('KUBERNETES_SERVICE_PORT is not set: not in a pod?');
  const address = `https://${isIPv6(host ?? '') ? `[${host}]` : host}:${port}`;
  if (problems.length === 0 && !URL.canParse(address)) {
    problems.push(`KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT make no address: ${address}`);
  }
  if (problems.length > 0) throw new UpstreamConfigError(problems);
  return {
    server: new URL(address),
    ca: { file: join(folder, 'ca.crt') },
    tokenFile: join(folder, 'token'),
    insecureSkipTlsVerify: false,
  };
}
