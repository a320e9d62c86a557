import { z } from 'zod';

/** The part of an `audit.k8s.io/v1` Event that says which session it was of. Unknown members are no concern of ours. */
const eventSchema = z.object({
  kind: z.literal('Event'),
  apiVersion: z.string().startsWith('audit.k8s.io/'),
  auditID: z.string(),
  stage: z.string().optional(),
  requestURI: z.string(),
  verb: z.string().optional(),
  user: z.object({ username: z.string().optional() }).optional(),
  impersonatedUser: z.object({ username: z.string().optional() }).optional(),
  sourceIPs: z.array(z.string()).optional(),
  userAgent: z.string().optional(),
  objectRef: z
    .object({
      resource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
      subresource: z.string().optional(),
    })
    .optional(),
  requestReceivedTimestamp: z.string().optional(),
});

/** A session as the API server saw it. */
export interface KubeSession {
  readonly auditId: string;
  readonly time: string;
  /** Who acted: the impersonated user where there is one. */
  readonly user: string;
  readonly impersonatedBy?: string;
  readonly namespace: string;
  readonly pod: string;
  readonly subresource: string;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
}

const SESSIONS = ['exec', 'attach', 'portforward'];

export type KubeAuditLine =
  | { readonly kind: 'session'; readonly session: KubeSession }
  | { readonly kind: 'other' }
  | { readonly kind: 'unreadable' };

/** One line of a Kubernetes audit log, as `--audit-log-format=json` writes it. */
export function readKubeAuditLine(line: string): KubeAuditLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { kind: 'unreadable' };
  }
  const { success, data: event } = eventSchema.safeParse(parsed);
  if (!success) return { kind: 'unreadable' };
  const { objectRef = {}, user, impersonatedUser, sourceIPs = [], userAgent = '' } = event;
  const { resource, subresource = '', namespace = '', name = '' } = objectRef;
  if (resource !== 'pods' || !SESSIONS.includes(subresource)) return { kind: 'other' };
  const own = user?.username ?? '';
  const impersonated = impersonatedUser?.username;
  return {
    kind: 'session',
    session: {
      auditId: event.auditID,
      time: event.requestReceivedTimestamp ?? '',
      user: impersonated ?? own,
      ...(impersonated === undefined ? {} : { impersonatedBy: own }),
      namespace,
      pod: name,
      subresource,
      sourceIps: sourceIPs,
      userAgent,
    },
  };
}

/** Sessions of a Kubernetes audit log that are not among the known ids: each once, whatever stages are logged. */
export class BypassedSessions {
  readonly #known: (auditId: string) => boolean;
  readonly #bypassed = new Map<string, KubeSession>();
  readonly #sessions = new Set<string>();
  #unreadable = 0;

  constructor(known: (auditId: string) => boolean) {
    this.#known = known;
  }

  line(text: string): void {
    if (text.trim() === '') return;
    const read = readKubeAuditLine(text);
    if (read.kind === 'unreadable') this.#unreadable++;
    if (read.kind !== 'session') return;
    const { session } = read;
    this.#sessions.add(session.auditId);
    if (!this.#known(session.auditId) && !this.#bypassed.has(session.auditId)) {
      this.#bypassed.set(session.auditId, session);
    }
  }

  result(): {
    readonly sessions: number;
    readonly bypassed: readonly KubeSession[];
    readonly unreadable: number;
  } {
    return {
      sessions: this.#sessions.size,
      bypassed: [...this.#bypassed.values()],
      unreadable: this.#unreadable,
    };
  }
}
