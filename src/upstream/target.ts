import { messageOf } from '../errors.ts';
import type { UpstreamMode } from '../policy/impersonate.ts';
import type { Pem, UpstreamEntry } from './entry.ts';
import { UpstreamConfigError } from './entry.ts';
import type { InCluster } from './in-cluster.ts';
import { inClusterEntry } from './in-cluster.ts';
import { isToken, parseKubeconfig } from './kubeconfig.ts';
import type { FileReader } from './rotating-files.ts';
import { RotatingFiles } from './rotating-files.ts';

export interface TlsOptions {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/** The API server: where it is, and who we are to it. */
export interface Upstream {
  /** In `noauth` there is no credential of ours in any of it. */
  readonly mode: UpstreamMode;
  /** Name or address to connect to; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** '' or such as '/k8s/clusters/x': stands before every path. */
  readonly pathPrefix: string;
  /** Value of `Host`. */
  readonly hostHeader: string;
  /** Requests carry our marker, for the cluster's admission policy. It takes a right of its own. */
  readonly marksRequests: boolean;
  /** As they are now: certificates rotate. */
  tlsOptions(): TlsOptions;
  /** Value of `Authorization` as it is now, if we have a token. */
  authorization(): string | undefined;
}

export type UpstreamSource =
  | { readonly kubeconfig: string; readonly context?: string }
  | { readonly inCluster: InCluster };

/**
 * Reads where the API server is and how to speak to it. Every file is read once here, so that what is missing is found
 * at the start, and again as it rotates: the kubeconfig too, as long as it names the same address.
 *
 * @throws UpstreamConfigError
 */
export function loadUpstream(source: UpstreamSource, io: FileReader): Upstream {
  if ('inCluster' in source) {
    const entry = inClusterEntry(source.inCluster);
    return upstreamAt(entry.server, credentialsOf(entry, io));
  }
  const { kubeconfig: file, ...chosen } = source;
  const entryIn = (text: string): UpstreamEntry => parseKubeconfig(text, { file, ...chosen });
  const { server } = entryIn(reading(`kubeconfig ${file}`, () => io.readFile(file)));
  const credentials = new RotatingFiles(
    [file],
    ([text = '']) => {
      const entry = entryIn(text);
      if (entry.server.href !== server.href) {
        throw new Error(`${file} names another API server, which needs a restart`);
      }
      return credentialsOf(entry, io);
    },
    io,
  );
  return upstreamAt(server, {
    tlsOptions: () => credentials.current().tlsOptions(),
    authorization: () => credentials.current().authorization(),
  });
}

type Credentials = Pick<Upstream, 'tlsOptions' | 'authorization'>;

function upstreamAt(server: URL, credentials: Credentials): Upstream {
  const secure = server.protocol === 'https:';
  return {
    mode: 'auth',
    host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: server.port === '' ? (secure ? 443 : 80) : Number(server.port),
    secure,
    pathPrefix: server.pathname.replace(/\/+$/, ''),
    hostHeader: server.host,
    marksRequests: false,
    ...credentials,
  };
}

function credentialsOf(entry: UpstreamEntry, io: FileReader): Credentials {
  const { insecureSkipTlsVerify, tlsServerName } = entry;
  const tls = reading('certificates of the API server', () => rotatingTls(entry, io));
  const token = reading('token for the API server', () => rotatingToken(entry, io));
  return {
    tlsOptions: () => ({
      ...tls(),
      servername: tlsServerName,
      rejectUnauthorized: !insecureSkipTlsVerify,
    }),
    authorization: () => {
      const now = token();
      return now === undefined ? undefined : `Bearer ${now}`;
    },
  };
}

/** The same API server to somebody who has no credential there: whom to trust stays, who we are goes. */
export function withoutCredential(upstream: Upstream): Upstream {
  return {
    ...upstream,
    mode: 'noauth',
    tlsOptions: () => ({ ...upstream.tlsOptions(), cert: undefined, key: undefined }),
    authorization: () => undefined,
  };
}

function rotatingTls(entry: UpstreamEntry, io: FileReader): () => Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  const pems = [entry.ca, entry.clientCert, entry.clientKey];
  const paths = pems.flatMap(pem => (pem !== undefined && 'file' in pem ? [pem.file] : []));
  const files = new RotatingFiles(
    paths,
    contents => {
      const [ca, cert, key] = pems.map(pem => pemNow(pem, paths, contents));
      return { ca, cert, key };
    },
    io,
  );
  return () => files.current();
}

function pemNow(pem: Pem | undefined, paths: readonly string[], contents: readonly string[]) {
  if (pem === undefined || 'pem' in pem) return pem?.pem;
  const text = contents[paths.indexOf(pem.file)] ?? '';
  if (!text.includes('-----BEGIN ')) throw new Error(`${pem.file}: not PEM`);
  return text;
}

function rotatingToken({ token, tokenFile }: UpstreamEntry, io: FileReader): () => string | undefined {
  if (tokenFile === undefined) return () => token;
  const files = new RotatingFiles(
    [tokenFile],
    ([text = '']) => {
      const now = text.trim();
      if (!isToken(now)) throw new Error(`${tokenFile}: not a token that fits into a header`);
      return now;
    },
    io,
  );
  return () => files.current();
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UpstreamConfigError([`cannot read the ${what}: ${messageOf(error)}`], { cause: error });
  }
}
