import type { AuditEvent } from './record.ts';
import type { AuditFacts } from './schema.ts';
import { factsSchema, subjectSchema } from './schema.ts';

/** What a record will say of an event that comes from another process. Undefined: it is none. */
export function factsIn(value: unknown): AuditFacts | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { subject, ...facts } = { subject: undefined, ...value };
  if (subject === undefined) return factsSchema.safeParse(facts).data;
  const known = subjectSchema.safeParse(subject);
  if (!known.success) return undefined;
  const { user: name, address: ip, userAgent, ...rest } = known.data;
  return factsSchema.safeParse({ ...facts, user: { name, ...rest }, client: { ip, userAgent } }).data;
}

export function isAuditEvent(value: unknown): value is AuditEvent {
  return factsIn(value) !== undefined;
}
