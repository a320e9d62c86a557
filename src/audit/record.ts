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
      readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'none';
      readonly attempts: readonly AuditAttempt[];
    })
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
    })
  | {
      readonly type: 'request.refused';
      readonly subject?: AuditSubject;
      readonly method: string;
      readonly path: string;
      readonly code: string;
      readonly message: string;
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
