/** How recorders outside of a tailnet are reached: encrypted, and by whom. Texts are PEM. */
export interface RecorderAccess {
  readonly tls: {
    /** Authorities of the recorders' certificates; without any, those of the system. */
    readonly ca?: string;
    /** Our own certificate and its key. */
    readonly cert?: string;
    readonly key?: string;
  };
  /** Sent as a bearer token. */
  readonly token?: string;
}

/** The header that says who we are, if there is one. */
export function authorizationOf(access: RecorderAccess | undefined): { readonly authorization?: string } {
  return access?.token === undefined ? {} : { authorization: `Bearer ${access.token}` };
}
