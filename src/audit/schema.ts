import { z } from 'zod';

/**
 * The shape of every audit record: what writers are held to by type, what readers check, and what docs/audit.schema.json
 * is made from. Facts only; never a payload, a token or a body.
 */
export const AUDIT_API_VERSION = 'audit.kubewitness.dev/v1';

const text = z.string();
const count = z.int().min(0);
const instant = z.iso.datetime().describe('RFC 3339, UTC.');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const milliseconds = count;

const user = z
  .strictObject({
    name: text.describe('As it acts upstream.'),
    uid: text.optional(),
    groups: z.array(text).describe('Own groups and those that rules add.'),
    source: text.describe('What vouched for the identity: static, tailscale, tokenReview …'),
    device: text.optional().describe('Node the caller came from, where the source knows one.'),
    original: text.optional().describe('Who really calls, where they act as somebody else.'),
    tags: z.array(text).optional().describe('Of that node; a tagged one has no user.'),
  })
  .meta({ id: 'User', description: 'The caller.' });

/** The two as writers say them, in one. */
export const subjectSchema = user
  .omit({ name: true })
  .extend({ user: text, address: text.optional(), userAgent: text.optional() });

const client = z.strictObject({ ip: text.optional(), userAgent: text.optional() }).meta({
  id: 'Client',
  description: 'Where the request came from. The user agent is what the client says of itself.',
});

const target = z
  .strictObject({ namespace: text, pod: text, container: text.optional() })
  .meta({ id: 'Target' });

const step = z
  .strictObject({
    state: text,
    event: text.describe('Of the machine that led there (docs/session.md).'),
    atMs: milliseconds.describe('Since the start of the session.'),
  })
  .meta({ id: 'Step' });

const failMode = z.enum(['open', 'closed']);

const stay = {
  state: text.describe('State of the session in which it happened (docs/session.md).'),
  previousState: text.optional().describe('The one before that.'),
  timeInStateMs: milliseconds.describe('Spent in `state` until then. Milliseconds.'),
};

const protocol = z
  .enum(['v1', 'v2'])
  .optional()
  .describe('Of the recorder protocol; absent where it came to none.');

const attempt = z.strictObject({
  recorder: text,
  protocol,
  startedAt: text.describe('RFC 3339, UTC.'),
  kind: text,
  message: text,
  durationMs: milliseconds,
});

const PHASES = ['deciding', 'connect', 'header', 'stream', 'ack', 'finalise', 'store'] as const;

const failureKind = text.describe(
  'timeout, refused, auth, reset, protocol, ackLate, disk, size, shutdown, or reported: an error of the recorder that says no more.',
);

const gap = z
  .strictObject({ fromMs: count, toMs: count, bytes: count })
  .describe(
    'What no recorder has confirmed. Milliseconds since the session began; bytes as the command wrote them.',
  );

const lastAcked = z
  .strictObject({
    offset: count.describe('Bytes of the cast, or of its last part; 0: nothing since the recorder accepted.'),
    time: instant,
  })
  .meta({
    id: 'LastAcked',
    description: 'How far the recorder had confirmed the cast. Absent where its protocol has no acks (v1).',
  });

const recording = z
  .strictObject({
    id: text.describe('Stands in the header of the cast; `.2` and up are parts at other recorders.'),
    uri: text.optional().describe('Where it can be read, as our own recorder says in v2.'),
    sha256: sha256.optional().describe('Of all that was sent, as this process reckoned it.'),
    bytes: count.optional().describe('Sent.'),
    complete: z.boolean().describe('The recorder confirmed all of it, and no part is missing.'),
  })
  .meta({ id: 'Recording', description: 'The cast, or its last part.' });

const tally = z.strictObject({ bytes: count, sha256 });
const streams = z
  .strictObject({ stdout: tally, stderr: tally })
  .meta({ id: 'Streams', description: 'What the command wrote, raw, recorded or not.' });

const budget = z
  .strictObject({
    rule: text.describe('Origin of the rule that has it.'),
    limit: z.enum(['secondsPerDay', 'concurrent']),
    allowed: count,
    used: count.describe('Seconds of the UTC day, or sessions at that moment.'),
  })
  .meta({ id: 'Budget', description: 'A fail-open budget that was used up, so that open became closed.' });

const reason = z.strictObject({ code: text, message: text });

const session = { sessionId: text.describe('Also the Audit-ID upstream.'), user, client, target };

const request = { method: text, path: text.describe('Without the query: that can hold what was typed.') };

export const OUTCOMES = [
  'recorded',
  'unrecorded',
  'passed',
  'refused',
  'terminated',
  'aborted',
  'stopped',
  'interrupted',
] as const;

/** What each type of record says. */
export const factsSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('session.started'),
    ...session,
    sessionType: z.enum(['exec', 'attach']),
    command: z.array(text).describe('Bounded, with secrets redacted (docs/audit.md).'),
    commandCut: z.literal(true).optional().describe('It was longer.'),
    tty: z.boolean(),
    transport: text.describe('websocket or spdy.'),
  }),
  z.strictObject({
    type: z.literal('session.decided'),
    ...session,
    decision: z.enum(['pass', 'record', 'refuse']),
    failMode: failMode.optional(),
    rules: z.array(text).describe('Origins of the rules that said so.'),
  }),
  z.strictObject({
    type: z.literal('recorder.attempted'),
    ...session,
    recorder: text,
    protocol,
    startedAt: text.describe('RFC 3339, UTC.'),
    accepted: z.boolean(),
    kind: text.optional(),
    message: text.optional(),
    durationMs: milliseconds,
  }),
  z.strictObject({
    type: z.literal('session.streaming'),
    ...session,
    ...stay,
    recorder: text.optional(),
  }),
  z.strictObject({
    type: z.literal('recording.failed'),
    ...session,
    ...stay,
    phase: z
      .enum(PHASES)
      .describe(
        'deciding: no recorder is named; connect: none accepted; header: lost before the cast began; store: the recorder reports.',
      ),
    kind: failureKind,
    recorder: text.optional(),
    message: text,
    failMode,
    rules: z.array(text),
    action: z
      .enum(['denied', 'terminated', 'continuedUnrecorded', 'handedOver', 'none'])
      .describe('What was done about it. none: the session had ended.'),
    attempts: z.array(attempt),
    budget: budget.optional(),
    lastAcked: lastAcked.optional(),
  }),
  z.strictObject({
    type: z.literal('recording.gap'),
    ...session,
    ...stay,
    fromMs: count.describe('Since the session began. What was unconfirmed before it can be missing too.'),
  }),
  z
    .strictObject({
      type: z.literal('recording.acknowledged'),
      ...session,
      ...stay,
      recorder: text,
      lastAcked,
    })
    .describe('Soon after the first ack, then at most each 30 s: what a crash leaves to be known.'),
  z.strictObject({ type: z.literal('recording.resumed'), ...session, recorder: text, gap }),
  z.strictObject({
    type: z.literal('recording.completed'),
    ...session,
    recorder: text.optional(),
    streams,
    recording: recording.optional(),
  }),
  z.strictObject({ type: z.literal('caller.violated'), ...session, code: text, message: text }),
  z
    .strictObject({
      type: z.literal('session.stopped'),
      user: user.describe('The operator, not the caller.'),
      client,
      sessionId: text,
      reason: text.optional().describe('In the words of the operator.'),
    })
    .describe('An operator ended a live session; written before it is ended.'),
  z.strictObject({
    type: z.literal('session.ended'),
    ...session,
    outcome: z
      .enum(OUTCOMES)
      .describe('interrupted: the process was gone; said at the next start, of a worker at once.'),
    cause: reason.optional(),
    state: text.optional().describe('The last one before the end.'),
    steps: z
      .array(step)
      .optional()
      .describe('To `failingClosed` and `ending`, of which no other record tells.'),
    recorder: text.optional(),
    subprotocol: text.optional(),
    exitCode: z.int().optional(),
    durationMs: milliseconds,
    streams: streams.optional().describe('Unknown of an interrupted session.'),
    gaps: z.array(gap),
    unrecordedMs: milliseconds,
    unrecordedBytes: count,
    budget: budget.optional(),
    lastAcked: lastAcked.optional(),
    recording: recording.optional(),
  }),
  z.strictObject({
    type: z.literal('request.refused'),
    user: user.optional(),
    client: client.optional(),
    ...request,
    code: text,
    message: text,
  }),
  z
    .strictObject({
      type: z.literal('request.unrecordable'),
      tunnelId: text
        .optional()
        .describe('Of a tunnel, in place of its tunnel.started; the Audit-ID upstream.'),
      user,
      client,
      ...request,
      class: text,
      rule: text.describe('Origins of the rules that enforce a recorder and allow this.'),
    })
    .describe(
      'Allowed past the recorder by `unrecordable: audit`; written before anything is sent upstream.',
    ),
  z
    .strictObject({
      type: z.literal('tunnel.started'),
      tunnelId: text.describe('The Audit-ID upstream.'),
      user,
      client,
      ...request,
      class: text,
      ports: z.union([z.array(text), z.literal('unknown')]),
    })
    .describe(
      'An upgrade that is no session, of a caller without an enforced recorder; written before anything is sent upstream.',
    ),
  z
    .strictObject({
      type: z.literal('tunnel.ended'),
      tunnelId: text,
      user,
      client,
      path: text,
      class: text,
      ports: z.union([z.array(text), z.literal('unknown')]),
      bytesToClient: count,
      bytesToUpstream: count,
      cause: text,
    })
    .describe('What an upgrade that is no session came to: port-forward, the proxy subresources, a watch.'),
  z.strictObject({
    type: z.literal('recording.viewed'),
    user: user.optional(),
    client: client.optional(),
    recording: z.strictObject({ id: text }).optional().describe('Absent of a live session.'),
    sessionId: text.optional(),
    how: z.enum(['live', 'play', 'download']).describe('live: it was watched while it ran.'),
  }),
  z.strictObject({
    type: z.literal('config.changed'),
    trigger: z.enum(['files', 'SIGHUP']).describe('How it came to be looked at.'),
    applied: z.boolean(),
    outcome: z
      .enum(['applied', 'refused', 'needsRestart'])
      .describe('What was not applied has changed nothing: what was in force before still is.'),
    sha256Before: sha256.describe('Of the configuration that was in force.'),
    sha256: sha256.optional().describe('Of the configuration file; absent: it cannot be read.'),
    sections: z.array(text).describe('Top-level fields that differ.'),
    files: z.array(text).describe('Files that the configuration names, and that have changed.'),
    problems: z.array(text).describe('Why it was not applied.'),
  }),
  z.strictObject({ type: z.literal('proxy.started'), version: text, cluster: text }),
  z.strictObject({ type: z.literal('proxy.stopped'), reason: text }),
]);

const envelope = z.object({
  apiVersion: z.literal(AUDIT_API_VERSION),
  id: z
    .string()
    .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    .describe('ULID.'),
  time: instant,
  seq: z.int().min(1).describe('1, 2, 3 … within one chain.'),
  replica: text.describe('Whose chain it is: a name, and eight hex digits of the start of the chain.'),
  tornBefore: sha256
    .optional()
    .describe('SHA-256 of the torn lines before this one, joined by newlines; left by a crash.'),
  prevHash: sha256.describe('`hash` of the record before; 64 zeros on the first.'),
  hash: sha256.describe('SHA-256 of this line without this member.'),
});

/** A record as it stands in a file: the envelope and the facts of one event. */
export const auditRecordSchema = z.discriminatedUnion(
  'type',
  factsSchema.options.map(option => option.extend(envelope.shape)) as unknown as typeof factsSchema.options,
);

export type AuditFacts = DeepReadonly<z.output<typeof factsSchema>>;
export type AuditEnvelope = DeepReadonly<z.output<typeof envelope>>;
export type AuditRecord = AuditEnvelope & AuditFacts;
export type AuditUser = DeepReadonly<z.output<typeof user>>;
export type AuditClient = DeepReadonly<z.output<typeof client>>;
export type AuditTarget = DeepReadonly<z.output<typeof target>>;
export type AuditAttempt = DeepReadonly<z.output<typeof attempt>>;
export type AuditGap = DeepReadonly<z.output<typeof gap>>;
export type AuditLastAcked = DeepReadonly<z.output<typeof lastAcked>>;
export type AuditRecording = DeepReadonly<z.output<typeof recording>>;
export type AuditOutcome = (typeof OUTCOMES)[number];

type DeepReadonly<Value> = Value extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value;

/** JSON Schema (2020-12) of one line of the audit. */
export function auditJsonSchema(): object {
  return z.toJSONSchema(auditRecordSchema);
}
