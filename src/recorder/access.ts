import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What a request does: sends recordings and events, or looks at them. */
export type AccessRight = 'upload' | 'read';

/** Who may do what. With none of it everybody may do everything; with any of it, nobody may do what is not granted. */
export interface Access {
  readonly uploadTokens?: readonly string[];
  readonly readTokens?: readonly string[];
  /** Verified client certificates count, by their subject's organization. */
  readonly clientCertificates?: boolean;
}

export interface AccessRefusal {
  readonly status: 401 | 403;
  readonly message: string;
}

/** Organization of a client certificate and the right that it gives. */
export const ORGANIZATION_OF: Readonly<Record<AccessRight, string>> = {
  upload: 'kubewitness:uploaders',
  read: 'kubewitness:readers',
};

const RIGHTS: readonly AccessRight[] = ['upload', 'read'];

/** Tells who may do what. Tokens are compared by their digests, in time that does not depend on them. */
export class AccessCheck {
  #digests: Readonly<Record<AccessRight, readonly Buffer[]>>;
  readonly #clientCertificates: boolean;
  readonly #open: boolean;

  constructor(access: Access = {}) {
    const { uploadTokens, readTokens, clientCertificates = false } = access;
    this.#digests = digestsOf(access);
    this.#clientCertificates = clientCertificates;
    this.#open = uploadTokens === undefined && readTokens === undefined && !clientCertificates;
  }

  /** Other tokens from here on. Whether there is anything to show stays as it was. */
  setTokens(tokens: Pick<Access, 'uploadTokens' | 'readTokens'>): void {
    this.#digests = digestsOf(tokens);
  }

  /** Undefined: go on. `authorization` is the header as it came. */
  refusal(
    right: AccessRight,
    authorization: string | undefined,
    socket: Socket | undefined,
  ): AccessRefusal | undefined {
    if (this.#open) return undefined;
    const digest = digestOf(bearerOf(authorization));
    const organizations = this.#clientCertificates ? organizationsOf(socket) : [];
    const granted = RIGHTS.filter(
      each => isAmong(digest, this.#digests[each]) || organizations.includes(ORGANIZATION_OF[each]),
    );
    if (granted.includes(right)) return undefined;
    if (granted.length > 0) return { status: 403, message: `these credentials may not ${right}` };
    return { status: 401, message: `${right} asks for a bearer token or a client certificate` };
  }
}

function digestsOf({ uploadTokens = [], readTokens = [] }: Access): Record<AccessRight, readonly Buffer[]> {
  return { upload: uploadTokens.map(digestOf), read: readTokens.map(digestOf) };
}

/** RFC 6750 section 2.1. Nothing else is a token, so that an empty one never matches. */
function bearerOf(authorization: string | undefined): string {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? '')?.[1] ?? '';
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Looks at all of them whatever the first one says. */
function isAmong(digest: Buffer, known: readonly Buffer[]): boolean {
  let found = false;
  for (const one of known) found = timingSafeEqual(digest, one) || found;
  return found;
}

function organizationsOf(socket: Socket | undefined): readonly string[] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  // Node gives an array for a repeated attribute, which its types do not say.
  const organization: unknown = socket.getPeerCertificate().subject?.O;
  if (typeof organization === 'string') return [organization];
  return Array.isArray(organization) ? organization.filter(one => typeof one === 'string') : [];
}
