/**
 * Every error this program answers with: a stable code, the HTTP status and the Kubernetes Status reason.
 * Messages are for people; programs match on `code` (docs/errors.md lists them).
 */
export const ERRORS = {
  KW_BAD_REQUEST: { status: 400, reason: 'BadRequest' },
  KW_UNAUTHENTICATED: { status: 401, reason: 'Unauthorized' },
  KW_FORBIDDEN: { status: 403, reason: 'Forbidden' },
  KW_RULES_UNREADABLE: { status: 403, reason: 'Forbidden' },
  KW_RECORDER_UNAVAILABLE: { status: 403, reason: 'Forbidden' },
  KW_RECORDER_LOST: { status: 403, reason: 'Forbidden' },
  KW_FAIL_OPEN_BUDGET: { status: 403, reason: 'Forbidden' },
  KW_STOPPED: { status: 403, reason: 'Forbidden' },
  KW_PROTOCOL_VIOLATION: { status: 400, reason: 'BadRequest' },
  KW_UPGRADE_REQUIRED: { status: 400, reason: 'BadRequest' },
  KW_NOT_FOUND: { status: 404, reason: 'NotFound' },
  KW_NOT_ALLOWED: { status: 405, reason: 'MethodNotAllowed' },
  KW_CONFLICT: { status: 409, reason: 'Conflict' },
  KW_TOO_LARGE: { status: 413, reason: 'RequestEntityTooLarge' },
  KW_EXPECTATION_FAILED: { status: 417, reason: 'BadRequest' },
  KW_MISDIRECTED: { status: 421, reason: 'BadRequest' },
  KW_OVERLOADED: { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 },
  KW_HEADERS_TOO_LARGE: { status: 431, reason: 'BadRequest' },
  KW_INTERNAL: { status: 500, reason: 'InternalError' },
  KW_UPSTREAM_UNREACHABLE: { status: 502, reason: 'BadGateway' },
  KW_RECORDINGS_UNREADABLE: { status: 502, reason: 'BadGateway' },
  KW_UPSTREAM_PROTOCOL: { status: 502, reason: 'BadGateway' },
  KW_IDENTITY_UNAVAILABLE: { status: 503, reason: 'ServiceUnavailable' },
  KW_AUDIT_UNAVAILABLE: { status: 503, reason: 'ServiceUnavailable' },
  KW_STOPPING: { status: 503, reason: 'ServiceUnavailable', retryAfterSeconds: 1 },
  KW_UPSTREAM_TIMEOUT: { status: 504, reason: 'Timeout' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

interface ErrorRow {
  readonly status: number;
  readonly reason: string;
  /** Sent as Retry-After: what is refused now has a chance then, here or at another replica. */
  readonly retryAfterSeconds?: number;
}

/** An error with a code from the table. `message` is one sentence fit to show to the caller. */
export class WitnessError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WitnessError';
    this.code = code;
  }

  /** HTTP status code. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** Kubernetes `metav1.StatusReason`. */
  get reason(): string {
    return ERRORS[this.code].reason;
  }
}

/** `Retry-After` of an error, if it has one. client-go waits so long and asks again by itself. */
export function retryAfterOf({ code }: WitnessError): number | undefined {
  const row: ErrorRow = ERRORS[code];
  return row.retryAfterSeconds;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
