import type { AuditClient, AuditFacts, AuditUser } from './schema.ts';

export type {
  AuditAttempt,
  AuditGap,
  AuditLastAcked,
  AuditOutcome,
  AuditRecord,
  AuditRecording,
  AuditTarget,
} from './schema.ts';
export { AUDIT_API_VERSION } from './schema.ts';

/** Who did it, from where: one value for writers, the members `user` and `client` of a record. */
export interface AuditSubject {
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly source: string;
  readonly device?: string;
  /** Who really calls, where they act as somebody else. */
  readonly original?: string;
  readonly address?: string;
  readonly userAgent?: string;
}

/** What a writer says. The sink adds order, time and the chain, bounds the texts and redacts the command. */
export type AuditEvent = WithSubject<AuditFacts>;

type WithSubject<Facts> = Facts extends { readonly user: AuditUser }
  ? Omit<Facts, 'user' | 'client'> & { readonly subject: AuditSubject }
  : Facts extends { readonly user?: AuditUser | undefined }
    ? Omit<Facts, 'user' | 'client'> & { readonly subject?: AuditSubject }
    : Facts;

/** Where audit events go. `write` never throws: a sink that fails says so by its own means. */
export interface AuditSink {
  write(event: AuditEvent): void;
  close(): void;
}

export function userOf({ user, uid, groups, source, device, original }: AuditSubject): AuditUser {
  return {
    name: user,
    ...(uid === undefined ? {} : { uid }),
    groups,
    source,
    ...(device === undefined ? {} : { device }),
    ...(original === undefined ? {} : { original }),
  };
}

export function clientOf({ address, userAgent }: AuditSubject): AuditClient {
  return {
    ...(address === undefined ? {} : { ip: address }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}
