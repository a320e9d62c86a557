import type { SessionProtocol } from '../kube/remotecommand.ts';

/** A Status is some hundred bytes; what lies beyond this is not read. */
const MAX_STATUS_BYTES = 64 * 1024;

/**
 * Collects what upstream writes on the error stream and reads the exit code from it. v4 and v5 carry a Status with the
 * code as a decimal string in the cause "ExitCode"; older versions say nothing on success and plain text on failure.
 */
export class ExitStatus {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  push(bytes: Buffer): void {
    if (this.#length >= MAX_STATUS_BYTES) return;
    this.#chunks.push(Buffer.from(bytes));
    this.#length += bytes.length;
  }

  /** The command's exit code; undefined when upstream did not say. */
  exitCode(protocol: SessionProtocol): number | undefined {
    if (this.#length === 0) return undefined;
    if (!speaksStatus(protocol)) return undefined;
    const status = parse(Buffer.concat(this.#chunks).toString('utf8'));
    if (status === undefined) return undefined;
    if (field(status, 'status') === 'Success') return 0;
    if (field(status, 'reason') !== 'NonZeroExitCode') return undefined;
    const causes = field(field(status, 'details'), 'causes');
    if (!Array.isArray(causes)) return undefined;
    const code = causes.find(cause => field(cause, 'reason') === 'ExitCode');
    const text = field(code, 'message');
    return typeof text === 'string' && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  }
}

/** Whether the protocol ends every session with a Status, so that its absence means a cut. */
export function speaksStatus({ subprotocol }: SessionProtocol): boolean {
  return subprotocol.startsWith('v5.') || subprotocol.startsWith('v4.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not a Status: the client is shown it as it is, and no exit code is known.
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
