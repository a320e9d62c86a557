import type { Config } from './schema.ts';

/** The same configuration with every file name passed through `resolve`. Sockets and URLs are no files. */
export function withFiles(config: Config, resolve: (file: string) => string): Config {
  const { listen, admin, upstream, identity, audit, recording } = config;
  const { clientCertificate, requestHeader } = identity;
  const maybe = <Name extends string>(name: Name, file: string | undefined): { [key in Name]?: string } => {
    const named: { [key in Name]?: string } = {};
    if (file !== undefined) named[name] = resolve(file);
    return named;
  };
  return {
    ...config,
    listen: {
      ...listen,
      tls: { ...listen.tls, ...maybe('cert', listen.tls.cert), ...maybe('key', listen.tls.key) },
    },
    admin: {
      ...admin,
      ...(admin.tls === undefined
        ? {}
        : { tls: { ...admin.tls, ...maybe('cert', admin.tls.cert), ...maybe('key', admin.tls.key) } }),
    },
    upstream: { ...upstream, ...maybe('kubeconfig', upstream.kubeconfig) },
    identity: {
      ...identity,
      ...(identity.static === undefined
        ? {}
        : {
            static: identity.static.map(entry => ({ ...entry, ...maybe('tokenFile', entry.tokenFile) })),
          }),
      ...(clientCertificate === undefined
        ? {}
        : {
            clientCertificate: {
              ...clientCertificate,
              ca: resolve(clientCertificate.ca),
              ...maybe('crl', clientCertificate.crl),
            },
          }),
      ...(requestHeader === undefined
        ? {}
        : {
            requestHeader: {
              ...requestHeader,
              ca: resolve(requestHeader.ca),
              ...maybe('crl', requestHeader.crl),
            },
          }),
    },
    recording: {
      ...recording,
      ...(recording.tls === undefined
        ? {}
        : {
            tls: {
              ...maybe('ca', recording.tls.ca),
              ...maybe('cert', recording.tls.cert),
              ...maybe('key', recording.tls.key),
              ...maybe('tokenFile', recording.tls.tokenFile),
            },
          }),
    },
    audit: {
      ...audit,
      ...maybe('file', audit.file),
      ...(audit.postgres === undefined
        ? {}
        : {
            postgres: { urlFile: resolve(audit.postgres.urlFile), spool: resolve(audit.postgres.spool) },
          }),
    },
  };
}
