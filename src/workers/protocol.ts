import { z } from 'zod';
import type { Cause } from '../../machines/session.ts';
import { isAuditEvent } from '../audit/event-check.ts';
import type { AuditEvent } from '../audit/record.ts';
import type { FailOpenBudget } from '../policy/decide.ts';
import type { SpentBudget } from '../session/fail-open-ledger.ts';
import type { SessionView } from '../session/view.ts';

/**
 * What the primary and its workers say to each other. Each is a message of its own, in order, checked as it comes: a peer
 * that says something else is broken, and is ended. `ask` ties an answer to its question.
 */
const text = z.string();
const count = z.int().min(0);
const ask = z.int().min(1);
const sessionId = z.uuid();
const what = z.enum(['requests', 'longRunning']);
const quantiles = z.strictObject({ '0.5': z.number(), '0.99': z.number(), '1': z.number() });

/** The schema judges, the value stays as it came, and the type is the program's own. */
function held<Value>(schema: z.ZodType): z.ZodType<Value> {
  return z.custom<Value>(value => schema.safeParse(value).success);
}

const view = held<SessionView>(
  z.looseObject({
    id: sessionId,
    type: z.enum(['exec', 'attach']),
    state: text,
    since: text,
    startedAt: text,
    endedAt: text.optional(),
    caller: z.looseObject({ user: text, groups: z.array(text), source: text }),
    namespace: text,
    pod: text,
    container: text.optional(),
    command: z.array(text),
    tty: z.boolean(),
    protocol: z.looseObject({ transport: text, subprotocol: text.optional() }),
    failMode: z.enum(['open', 'closed']).optional(),
    recorder: text.optional(),
    outcome: text.optional(),
    cause: z.looseObject({ code: text, message: text }).optional(),
    exitCode: z.int().optional(),
    transitions: z.array(z.looseObject({ state: text, event: text, at: text })),
  }),
);
const budgets = held<readonly FailOpenBudget[]>(
  z.array(z.strictObject({ rule: text, secondsPerDay: count.optional(), concurrent: count.optional() })),
);
const spent = held<SpentBudget>(
  z.strictObject({ rule: text, limit: z.enum(['secondsPerDay', 'concurrent']), allowed: count, used: count }),
);
const cause = held<Cause>(z.strictObject({ code: text, message: text }));
const keyPair = z.strictObject({ cert: text, key: text });
const standings = z.array(z.strictObject({ rule: text, spentMs: z.number().min(0), open: count }));
/** The configuration file's text, and those of the files that it names: what is in force is the same everywhere. */
const config = { text, files: z.record(text, text) };

const fromWorker = z.discriminatedUnion('kind', [
  /** The program runs and waits for `start`. */
  z.strictObject({ kind: z.literal('here') }),
  z.strictObject({ kind: z.literal('listening'), address: text, port: count }),
  /** It cannot start; for people, a line each. */
  z.strictObject({ kind: z.literal('failed'), problem: text }),
  z.strictObject({ kind: z.literal('audit'), event: z.custom<AuditEvent>(isAuditEvent) }),
  /** Answered once everything that was said before is written. */
  z.strictObject({ kind: z.literal('flush'), ask }),
  /** Records that there was no room to send. */
  z.strictObject({ kind: z.literal('lost'), count }),
  z.strictObject({ kind: z.literal('view'), view }),
  z.strictObject({ kind: z.literal('admit'), ask, sessionId, user: text }),
  /** An admitted session that did not begin after all. */
  z.strictObject({ kind: z.literal('leave'), sessionId }),
  z.strictObject({ kind: z.literal('takeSlots'), what, count }),
  z.strictObject({ kind: z.literal('giveSlots'), what, count }),
  z.strictObject({ kind: z.literal('recorder'), recorder: text, well: z.boolean() }),
  /** A session goes on unrecorded. `entry`: the worker's own number for it. */
  z.strictObject({ kind: z.literal('unrecorded'), entry: ask, budgets }),
  z.strictObject({ kind: z.literal('unrecordedOver'), entry: ask }),
  z.strictObject({ kind: z.literal('castLines'), sessionId, lines: z.array(text) }),
  z.strictObject({ kind: z.literal('castOver'), sessionId, how: z.enum(['ended', 'cut']) }),
  /** Requests since the last message of this kind. */
  z.strictObject({
    kind: z.literal('counted'),
    proxied: count,
    eventRecording: count,
    requests: z.array(z.strictObject({ verb: text, code: count, seconds: z.number() })),
  }),
  /** How it is, now and then. */
  z.strictObject({
    kind: z.literal('pulse'),
    lag: quantiles,
    unacked: z.strictObject({ bytes: count, ageSeconds: z.number().min(0) }),
  }),
]);

const fromPrimary = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('start'),
    /** The configuration file's name: relative names in it are relative to it. */
    file: text,
    ...config,
    certificate: keyPair,
    /** The same for all, also where the configuration leaves it open. */
    port: count,
    /** `host:port` of the API server: a kubeconfig that names another one by now needs a restart of all. */
    upstream: text,
    /** This one's number, and how many there are. */
    worker: ask,
    workers: ask,
    mayStart: z.boolean(),
    ailing: z.array(text),
    standings,
  }),
  z.strictObject({ kind: z.literal('config'), ...config }),
  z.strictObject({ kind: z.literal('certificate'), certificate: keyPair }),
  z.strictObject({ kind: z.literal('sink'), mayStart: z.boolean() }),
  z.strictObject({ kind: z.literal('flushed'), ask, mayStart: z.boolean() }),
  z.strictObject({ kind: z.literal('admitted'), ask, refusal: text.optional() }),
  /** Zero: there are none now. */
  z.strictObject({ kind: z.literal('slots'), what, count }),
  z.strictObject({ kind: z.literal('ailing'), recorders: z.array(text) }),
  z.strictObject({ kind: z.literal('standings'), standings }),
  z.strictObject({ kind: z.literal('spent'), entry: ask, spent }),
  z.strictObject({ kind: z.literal('stop'), sessionId, cause }),
  z.strictObject({ kind: z.literal('watch'), sessionId }),
  z.strictObject({ kind: z.literal('unwatch'), sessionId }),
  /** Drain, and end. */
  z.strictObject({ kind: z.literal('close') }),
]);

export type FromWorker = z.output<typeof fromWorker>;
export type FromPrimary = z.output<typeof fromPrimary>;
export type Start = Extract<FromPrimary, { kind: 'start' }>;
export type SlotKind = z.output<typeof what>;
export type Standings = z.output<typeof standings>;

/** Throws one line for people. */
export function readFromWorker(message: unknown): FromWorker {
  return read(fromWorker, message);
}

/** Throws one line for people. */
export function readFromPrimary(message: unknown): FromPrimary {
  return read(fromPrimary, message);
}

/** What came is not repeated: it can hold secrets. */
function read<Message>(schema: z.ZodType<Message>, message: unknown): Message {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const kind =
    typeof message === 'object' && message !== null && 'kind' in message ? message.kind : undefined;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new Error(`a message of kind ${JSON.stringify(kind)?.slice(0, 40)} is not of the protocol: ${where}`);
}
