import { messageOf } from '../errors.ts';
import type { RecorderFailureKind, RecorderPhase } from './upload.ts';
import { RecorderError } from './upload.ts';

const KINDS: Readonly<Record<string, RecorderFailureKind>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  ENOTFOUND: 'refused',
  EAI_AGAIN: 'refused',
  EADDRNOTAVAIL: 'refused',
  EACCES: 'refused',
  ETIMEDOUT: 'timeout',
  // nghttp2 could not read what came.
  ERR_HTTP2_ERROR: 'protocol',
};

/** What a status other than 200 says of why (RFC 9110 section 15.5, RFC 4918 section 11.5). */
export function kindOfStatus(status: number | undefined): RecorderFailureKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 413) return 'size';
  return status === 507 ? 'disk' : 'refused';
}

/** Makes the errors of one recorder: its name, what was being done, what went wrong. */
export class RecorderFailures {
  readonly #recorder: string;

  constructor(recorder: string) {
    this.#recorder = recorder;
  }

  say(kind: RecorderFailureKind, phase: RecorderPhase, what: string, cause?: unknown): RecorderError {
    const message = `recorder ${this.#recorder}: ${what}`;
    return new RecorderError({ kind, phase, recorder: this.#recorder, message }, { cause });
  }

  /** From an error of a socket, a parser or a stream. */
  from(error: unknown, phase: RecorderPhase, during: string): RecorderError {
    return this.say(kindOf(error), phase, `${during} failed: ${describe(error)}`, error);
  }
}

function kindOf(error: unknown): RecorderFailureKind {
  const code = codeOf(error);
  return KINDS[code] ?? (code.startsWith('HPE_') ? 'protocol' : 'reset');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** A name with several addresses fails with an AggregateError, whose own message is empty. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return messageOf(error);
}
