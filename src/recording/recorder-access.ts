import type { RecorderAddress } from './recorder-address.ts';

/** How recorders are reached where that is not simply by their address. Texts are PEM. */
export interface RecorderAccess {
  /** Left out: in the clear, as a tailnet encrypts by itself. */
  readonly tls?: {
    /** Authorities of the recorders' certificates; without any, those of the system. */
    readonly ca?: string;
    /** Our own certificate and its key. */
    readonly cert?: string;
    readonly key?: string;
  };
  /** Sent as a bearer token. */
  readonly token?: string;
  /** The SOCKS5 proxy that leads to them. */
  readonly socks5?: RecorderAddress;
}

/** The header that says who we are, if there is one. */
export function authorizationOf(access: RecorderAccess | undefined): { readonly authorization?: string } {
  return access?.token === undefined ? {} : { authorization: `Bearer ${access.token}` };
}
