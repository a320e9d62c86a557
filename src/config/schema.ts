import { z } from 'zod';
import { parseRecorderAddress } from '../recording/recorder-address.ts';
import { adminSchema } from './admin-schema.ts';
import { certificateSchema } from './certificate-schema.ts';
import { grantSchema, name } from './grant-schema.ts';
import { identitySchema, proxyProtocolSchema } from './identity-schema.ts';
import { noauthProblems } from './noauth.ts';

/** Milliseconds: whole, and no more than a timer can take (2^31-1). */
const milliseconds = z.int().min(0).max(2_147_483_647);
const text = z.string().min(1, 'must not be empty');
const file = text.describe('Path of a file; relative ones start at the folder of this configuration.');
const port = z.int().min(0).max(65_535);

const listen = z.strictObject({
  address: text.default('0.0.0.0').describe('Address that clients reach.'),
  port: port.default(8443).describe('TCP port; 0 takes a free one.'),
  tls: certificateSchema.describe('The certificate shown to clients.'),
  proxyProtocol: proxyProtocolSchema
    .optional()
    .describe(
      'Connections come through a relay that says whom it relays; without this no such word is believed.',
    ),
});

const upstream = z
  .strictObject({
    mode: z
      .enum(['auth', 'noauth'])
      .default('auth')
      .describe(
        "auth: callers are impersonated with the proxy's credential. noauth: their own goes on, and the proxy shows none.",
      ),
    kubeconfig: file
      .optional()
      .describe('Kubeconfig with the address, the CA and the credential of the proxy.'),
    context: text.optional().describe('Its context; without this the current one.'),
    marker: z
      .boolean()
      .default(false)
      .describe(
        'Send the extra kubewitness.dev/session for docs/deploy/admission-policy.yaml; takes the right to impersonate it.',
      ),
    inCluster: z.literal(true).optional().describe("Take the pod's service account instead."),
  })
  .refine(
    value => (value.kubeconfig === undefined) !== (value.inCluster === undefined),
    'needs either kubeconfig or inCluster: true',
  )
  .refine(value => value.context === undefined || value.inCluster === undefined, {
    message: 'goes with kubeconfig only',
    path: ['context'],
  })
  .refine(value => value.mode === 'auth' || !value.marker, {
    message: 'goes with mode auth only: the marker is impersonated',
    path: ['marker'],
  });

const extraKey = name.refine(key => key === key.toLowerCase(), 'must be in lower case');

const staticIdentity = z
  .strictObject({
    user: name.describe('Name towards the API server.'),
    groups: z.array(name).default([]).describe('Groups towards the API server.'),
    uid: name.optional().describe('Uid towards the API server.'),
    extra: z.record(extraKey, z.array(name)).optional().describe('Extra values towards the API server.'),
    token: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without blanks')
      .optional()
      .describe('Bearer token, in the clear.'),
    tokenFile: file.optional().describe('File that holds the token; a newline at its end is no part of it.'),
    tokenSha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex digits')
      .optional()
      .describe('SHA-256 of the token, so that this file is no secret.'),
  })
  .refine(
    entry => [entry.token, entry.tokenFile, entry.tokenSha256].filter(way => way !== undefined).length === 1,
    'needs exactly one of token, tokenFile and tokenSha256',
  );

function isHostAndPort(value: string): boolean {
  try {
    parseRecorderAddress(value);
    return /:[0-9]+$/.test(value);
  } catch {
    return false;
  }
}

const recorderAccess = z
  .strictObject({
    ca: file
      .optional()
      .describe("Authorities of the recorders' certificates, PEM; without this, the system's."),
    cert: file.optional().describe('Our own certificate towards recorders, PEM.'),
    key: file.optional().describe('Its private key, PEM.'),
    tokenFile: file.optional().describe('File with the bearer token that recorders know us by.'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'needs cert and key together');

const recording = z.strictObject({
  tls: recorderAccess
    .optional()
    .describe(
      'Recorders are spoken to in TLS; without this in the clear, as in a tailnet, which encrypts by itself.',
    ),
  socks5: z
    .string()
    .refine(isHostAndPort, 'must be host:port')
    .optional()
    .describe(
      'SOCKS5 proxy that leads to the recorders, as host:port: that of tailscaled in userspace mode. Names are its to look up.',
    ),
  headerWaitMs: milliseconds.default(500).describe("How long a terminal's first size is waited for."),
  maxUnackedBytes: z
    .int()
    .min(64 * 1024)
    .max(1024 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('Bytes that may be sent to a recorder and not be acknowledged.'),
  maxUnackedMs: milliseconds.default(30_000).describe('For how long they may stay so.'),
  staggerMs: milliseconds.default(250).describe('Time between the starts of two attempts.'),
  connectMs: milliseconds.default(30_000).describe('Time for all attempts of one session.'),
  finalAnswerMs: milliseconds.default(30_000).describe("Time for the recorder's last word after a session."),
});

const sessions = z.strictObject({
  keepEndedMs: milliseconds.default(600_000).describe('For how long ended sessions stay in the list.'),
  keepEnded: z.int().min(0).max(1_000_000).default(1000).describe('How many of them at most.'),
  drainMs: milliseconds.default(30_000).describe('Time for live sessions when the proxy is stopped.'),
});

const count = z.int().min(1).max(1_000_000);

const limits = z.strictObject({
  sessions: count.default(1_000).describe('Live sessions in all.'),
  sessionsPerCaller: count.default(100).describe('Live sessions of one user.'),
  requests: count.default(1_000).describe('Ordinary requests in flight, without those that may stay open.'),
  longRunning: count
    .default(10_000)
    .describe('Watches, logs, service proxies and tunnels, which may stay open.'),
});

const shutdown = z.strictObject({
  delayMs: milliseconds
    .default(5_000)
    .describe(
      'After SIGTERM requests are served for so long at least, so that load balancers see readiness go first.',
    ),
});

const audit = z
  .strictObject({
    file: file.optional().describe('JSON lines are appended to it.'),
    postgres: z
      .strictObject({
        urlFile: file.describe('File that holds the URL of the database, with its password.'),
        spool: file.describe('Records wait in this file while the database is away.'),
      })
      .optional()
      .describe('A database instead, for several replicas.'),
    onFailure: z
      .enum(['refuseSessions', 'continue'])
      .default('refuseSessions')
      .describe('What becomes of new sessions while records cannot be kept.'),
    maxBytes: z
      .int()
      .min(64 * 1024)
      .default(256 * 1024 * 1024)
      .describe('A file that has grown to this is put aside, and its chain goes on in a new one.'),
  })
  .refine(
    value => (value.file === undefined) !== (value.postgres === undefined),
    'needs either file or postgres',
  );

export const configSchema = z
  .strictObject({
    cluster: text.default('kubernetes').describe('Name of the cluster in casts and audit records.'),
    listen: listen.describe('Where clients come in.'),
    admin: adminSchema.prefault({}).describe('Where operators come in.'),
    upstream: upstream.describe('The API server.'),
    identity: identitySchema(z.array(staticIdentity).min(1, 'must name somebody')).describe(
      'How callers are known.',
    ),
    grants: z
      .array(grantSchema)
      .default([])
      .describe('What holds for whom. All that match hold together, strictest first.'),
    recording: recording.prefault({}).describe('Bounds of recordings.'),
    sessions: sessions.prefault({}).describe('Bounds of sessions.'),
    limits: limits
      .prefault({})
      .describe('What is served at a time; beyond it the answer is 429 with Retry-After.'),
    shutdown: shutdown.prefault({}).describe('What SIGTERM begins.'),
    audit: audit.describe('Where the audit goes.'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .describe('Least level shown.'),
      })
      .prefault({})
      .describe('The log on standard error.'),
  })
  .superRefine((value, context) => {
    for (const problem of noauthProblems(value)) context.addIssue({ code: 'custom', ...problem });
  });

/** The configuration, whole and checked, with every default filled in. */
export type Config = z.output<typeof configSchema>;

/** JSON Schema (2020-12) of the configuration file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
