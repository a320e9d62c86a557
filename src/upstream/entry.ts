/** PEM text, or the file that holds it now: certificates rotate, so a file is read again while we run. */
export type Pem = { readonly pem: string } | { readonly file: string };

/** How to reach one API server, and as whom: what a kubeconfig or the service-account folder says. Nothing was read yet. */
export interface UpstreamEntry {
  /** Checked: http or https, no user, no query. A path is kept. */
  readonly server: URL;
  readonly ca?: Pem;
  readonly clientCert?: Pem;
  readonly clientKey?: Pem;
  readonly token?: string;
  /** Absolute. Takes precedence over `token` (client-go `AuthInfo.TokenFile`). */
  readonly tokenFile?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify: boolean;
}

/** The kubeconfig, or the folder in the pod, cannot be used. One sentence for each problem, naming file and entry. */
export class UpstreamConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.name = 'UpstreamConfigError';
    this.problems = problems;
  }
}
