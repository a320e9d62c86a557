import type { Config } from './schema.ts';

/** The same configuration with every file name passed through `resolve`. */
export function withFiles(config: Config, resolve: (file: string) => string): Config {
  const { listen, upstream, identity, audit } = config;
  return {
    ...config,
    listen: { ...listen, tls: { cert: resolve(listen.tls.cert), key: resolve(listen.tls.key) } },
    upstream: {
      ...upstream,
      ...(upstream.kubeconfig === undefined ? {} : { kubeconfig: resolve(upstream.kubeconfig) }),
    },
    identity: {
      static: identity.static.map(entry => ({
        ...entry,
        ...(entry.tokenFile === undefined ? {} : { tokenFile: resolve(entry.tokenFile) }),
      })),
    },
    audit: { file: resolve(audit.file) },
  };
}
