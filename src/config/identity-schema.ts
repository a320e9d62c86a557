import { z } from 'zod';
import { DEFAULT_IDENTITY_HEADERS } from '../identity/request-header.ts';
import { DEFAULT_SOCKET } from '../tailscale/local-api.ts';
import { trustedAddresses } from '../tailscale/trusted-addresses.ts';

const text = z.string().min(1, 'must not be empty');
const file = text.describe('Path of a file; relative ones start at the folder of this configuration.');
/** RFC 9110 section 5.6.2. */
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is no name of a header');

/** The names of the sources, in the order in which they are asked when `order` says nothing. */
export const SOURCE_NAMES = [
  'requestHeader',
  'clientCertificate',
  'tailscale',
  'static',
  'tokenReview',
] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];

const revocationList = file
  .optional()
  .describe('Revocation lists, PEM: one for every authority here, or all certificates are refused.');

const tailscale = z.strictObject({
  socket: text.default(DEFAULT_SOCKET).describe('Socket of tailscaled.'),
});

const tokenReview = z.strictObject({
  audiences: z
    .array(text)
    .default([])
    .describe('For which of these a token must be issued; without any: for the API server.'),
  keepMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(60_000)
    .describe('For how long a yes of the API server holds at most.'),
});

const clientCertificate = z.strictObject({
  ca: file.describe('Authorities of client certificates, PEM.'),
  crl: revocationList,
});

const requestHeader = z.strictObject({
  ca: file.describe('Authorities of front proxies and of nobody else, PEM.'),
  crl: revocationList,
  allowedNames: z
    .array(text)
    .min(1, 'must name somebody')
    .describe('Common names of the certificates that may speak for others.'),
  userHeader: headerName.default(DEFAULT_IDENTITY_HEADERS.user).describe('Header with the user name.'),
  groupHeader: headerName
    .default(DEFAULT_IDENTITY_HEADERS.group)
    .describe('Header with a group, one a line.'),
  uidHeader: headerName.default(DEFAULT_IDENTITY_HEADERS.uid).describe('Header with the uid.'),
  extraHeaderPrefix: headerName
    .default(DEFAULT_IDENTITY_HEADERS.extraPrefix)
    .describe('How the headers with extra values begin.'),
});

/** `identity:` of the configuration, around the schema of the static identities. */
export function identitySchema<Static extends z.ZodType>(staticIdentities: Static) {
  return z
    .strictObject({
      static: staticIdentities.optional().describe('Callers known by a token.'),
      tailscale: tailscale.optional().describe('Callers known by their device in the tailnet.'),
      tokenReview: tokenReview.optional().describe('Callers known by a token that the API server knows.'),
      clientCertificate: clientCertificate.optional().describe('Callers known by a certificate.'),
      requestHeader: requestHeader.optional().describe('Callers for whom a front proxy speaks.'),
      order: z
        .array(z.enum(SOURCE_NAMES))
        .optional()
        .describe('In which order the sources are asked; the first that knows the caller is believed.'),
    })
    .superRefine((value, context) => {
      const { order, clientCertificate: client, requestHeader: front } = value;
      const present = SOURCE_NAMES.filter(name => value[name] !== undefined);
      if (present.length === 0) context.addIssue({ code: 'custom', message: 'needs one source at least' });
      if (order !== undefined && !isOrderOf(order, present)) {
        context.addIssue({
          code: 'custom',
          path: ['order'],
          message: `must name each of these once: ${present.join(', ')}`,
        });
      }
      if (
        client !== undefined &&
        front !== undefined &&
        (client.crl === undefined) !== (front.crl === undefined)
      ) {
        context.addIssue({
          code: 'custom',
          path: [client.crl === undefined ? 'clientCertificate' : 'requestHeader', 'crl'],
          message: 'is needed here when the other source that reads certificates has one',
        });
      }
    });
}

function isOrderOf(order: readonly SourceName[], present: readonly SourceName[]): boolean {
  return order.length === present.length && present.every(name => order.includes(name));
}

/** The configured sources in the order in which they are asked. */
export function sourceOrder(
  identity: Readonly<Partial<Record<SourceName, unknown>>> & {
    readonly order?: readonly SourceName[] | undefined;
  },
): readonly SourceName[] {
  return identity.order ?? SOURCE_NAMES.filter(name => identity[name] !== undefined);
}

const network = text.superRefine((value, context) => {
  try {
    trustedAddresses([value]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** `listen.proxyProtocol:` of the configuration. */
export const proxyProtocolSchema = z.strictObject({
  trusted: z
    .array(network)
    .min(1, 'must name somebody')
    .describe(
      'Addresses and networks (10.0.0.0/8) of those who send PROXY headers; anybody else is cut off.',
    ),
});

/** `listen.tls.tailscale:` of the configuration, in place of `cert` and `key`. */
export const tailscaleCertificateSchema = z.strictObject({
  domain: text.describe('Name of this node in the tailnet, such as kube.tail1234.ts.net.'),
  socket: text.default(DEFAULT_SOCKET).describe('Socket of tailscaled.'),
});
