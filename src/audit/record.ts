/**
 * The audit's vocabulary: one record per event, one JSON line each. Facts only; never a payload, a token or a body.
 */
export const AUDIT_API_VERSION = 'audit.kubewitness.dev/v1';

/** Who did it, from where. */
export interface AuditSubject {
  readonly user: string;
  readonly groups: readonly string[];
  readonly source: string;
  readonly address?: string;
  readonly userAgent?: string;
}

/** The session or request it was done in. */
export interface AuditTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}

export interface AuditAttempt {
  readonly recorder: string;
  readonly kind: string;
  readonly message: string;
  readonly durationMs: number;
}

export interface AuditStreamTally {
  readonly bytes: number;
  readonly sha256: string;
}

/** What of a session is in no recording. Milliseconds since its start; bytes as the command wrote them. */
export interface AuditGap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

interface SessionFacts {
  readonly sessionId: string;
  readonly subject: AuditSubject;
  readonly target: AuditTarget;
}

export type AuditEvent =
  | (SessionFacts & {
      readonly type: 'session.started';
      readonly sessionType: 'exec' | 'attach';
      readonly command: readonly string[];
      readonly tty: boolean;
      readonly transport: string;
    })
  | (SessionFacts & {
      readonly type: 'session.decided';
      readonly decision: 'pass' | 'record' | 'refuse';
      readonly failMode?: 'open' | 'closed';
      readonly rules: readonly string[];
    })
  | (SessionFacts & {
      readonly type: 'recording.failed';
      readonly phase: string;
      readonly kind: string;
      readonly recorder?: string;
      readonly message: string;
      readonly failMode: 'open' | 'closed';
      readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'handedOver' | 'none';
      readonly attempts: readonly AuditAttempt[];
    })
  | (SessionFacts & { readonly type: 'recording.resumed'; readonly recorder: string; readonly gap: AuditGap })
  | (SessionFacts & { readonly type: 'caller.violated'; readonly code: string; readonly message: string })
  | (SessionFacts & {
      readonly type: 'session.ended';
      readonly outcome: string;
      readonly cause?: { readonly code: string; readonly message: string };
      readonly recorder?: string;
      readonly subprotocol?: string;
      readonly exitCode?: number;
      readonly durationMs: number;
      readonly streams: { readonly stdout: AuditStreamTally; readonly stderr: AuditStreamTally };
      readonly gaps: readonly AuditGap[];
    })
  | {
      readonly type: 'request.refused';
      readonly subject?: AuditSubject;
      readonly method: string;
      readonly path: string;
      readonly code: string;
      readonly message: string;
    }
  /** Allowed past the recorder by `unrecordable: audit`; written before anything is sent upstream. */
  | {
      readonly type: 'request.unrecordable';
      /** Of a tunnel: ties this record to its `tunnel.ended`, and is the Audit-ID upstream. */
      readonly tunnelId?: string;
      readonly subject: AuditSubject;
      readonly method: string;
      readonly path: string;
      readonly class: string;
      /** Origins of the rules that enforce a recorder and allow this. */
      readonly rule: string;
    }
  /** What an allowed upgrade past the recorder came to; once for each, and for enforced callers only. */
  | {
      readonly type: 'tunnel.ended';
      readonly tunnelId: string;
      readonly subject: AuditSubject;
      readonly path: string;
      readonly class: string;
      /** Of a port-forward by channels. The SPDY forms name their ports inside, where nobody looks. */
      readonly ports: readonly string[] | 'unknown';
      readonly bytesToClient: number;
      readonly bytesToUpstream: number;
      readonly cause: string;
    };

/** What stands around every event: order, time and the chain that makes a change or a gap visible. */
export interface AuditEnvelope {
  readonly apiVersion: typeof AUDIT_API_VERSION;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** 1, 2, 3 … within one file. */
  readonly seq: number;
  /** SHA-256 (hex) of the line before, without its newline; 64 zeros on the first. */
  readonly prevHash: string;
}

/** Where audit events go. `write` never throws: a sink that fails says so by its own means. */
export interface AuditSink {
  write(event: AuditEvent): void;
  close(): void;
}
