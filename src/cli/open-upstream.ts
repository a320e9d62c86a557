import { statSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Upstream } from '../upstream/target.ts';
import { loadUpstream, withoutCredential } from '../upstream/target.ts';

/** Where the pod's own credential lies (Kubernetes documentation, "Accessing the API from a Pod"). */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of a configuration, with the credential of the proxy where it has one. Throws one line for people. */
export function openUpstream(
  config: Config,
  {
    readText,
    clock,
    log,
  }: { readonly readText: (file: string) => string; readonly clock: Clock; readonly log: Logger },
): Upstream {
  const loaded = loadUpstream(upstreamSource(config), {
    readFile: readText,
    modifiedAtMs: file => statSync(file).mtimeMs,
    clock,
    log,
  });
  return {
    ...(config.upstream.mode === 'noauth' ? withoutCredential(loaded) : loaded),
    marksRequests: config.upstream.marker,
  };
}

/** Where the configuration says that the API server is; in a cluster, the pod's environment says it. */
function upstreamSource({ upstream }: Config) {
  if (upstream.kubeconfig !== undefined) {
    return {
      kubeconfig: upstream.kubeconfig,
      ...(upstream.context === undefined ? {} : { context: upstream.context }),
    };
  }
  return {
    inCluster: {
      host: process.env['KUBERNETES_SERVICE_HOST'],
      port: process.env['KUBERNETES_SERVICE_PORT'],
      folder: SERVICE_ACCOUNT,
    },
  };
}
