import type { ViolationCode } from './codec.ts';

/** A violation before its place is known. */
export interface Fault {
  readonly code: ViolationCode;
  /** What was expected and what came. */
  readonly message: string;
}

export function fault(code: ViolationCode, message: string): Fault {
  return { code, message };
}
