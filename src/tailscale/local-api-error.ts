/**
 * Why tailscaled gave no answer:
 * - `socketMissing`: nothing at the socket's path; tailscaled does not run here, or its folder is not mounted
 * - `notLoggedIn`: it runs and is not connected to a tailnet
 * - `peerUnknown`: it is connected, and no peer has that address
 * - `denied`: it or the file system does not let us ask
 * - `unavailable`: no answer in time, a broken connection, an error of its own
 * - `badAnswer`: it answered something that this program does not understand
 */
export type LocalApiFailure =
  | 'socketMissing'
  | 'notLoggedIn'
  | 'peerUnknown'
  | 'denied'
  | 'unavailable'
  | 'badAnswer';

/** What an answer of another status than the expected one comes to. */
export function failureOfStatus(status: number): LocalApiFailure {
  if (status === 403) return 'denied';
  return status >= 500 || status === 429 ? 'unavailable' : 'badAnswer';
}

/** `message` is for the log: it can hold paths and tailscaled's own words. */
export class LocalApiError extends Error {
  readonly kind: LocalApiFailure;
  /** How long tailscaled, or the certificate authority behind it, asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: LocalApiFailure,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.name = 'LocalApiError';
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
