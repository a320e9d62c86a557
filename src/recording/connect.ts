import type { ClientHttp2Session } from 'node:http2';
import { messageOf } from '../errors.ts';
import { dial } from './dial.ts';
import { openV2, probeV2 } from './open-v2.ts';
import type { RecorderAccess } from './recorder-access.ts';
import type { RecorderAddress } from './recorder-address.ts';
import { parseRecorderAddress } from './recorder-address.ts';
import { RecorderFailures } from './recorder-failure.ts';
import type { RecorderLimits } from './recorder-limits.ts';
import { DEFAULT_RECORDER_LIMITS } from './recorder-limits.ts';
import type { Timers } from './timers.ts';
import { systemTimers } from './timers.ts';
import type { Upload } from './upload.ts';
import { RecorderError } from './upload.ts';
import { openV1 } from './upload-v1.ts';
import type { Attempt } from './within.ts';

export type { RecorderLimits } from './recorder-limits.ts';

export interface ConnectOptions {
  readonly limits?: Partial<RecorderLimits>;
  /** Ends the attempt; has no say in an upload that was accepted. */
  readonly signal?: AbortSignal;
  readonly timers?: Timers;
  readonly access?: RecorderAccess;
}

/**
 * Opens an upload to one recorder (`host:port`), v2 where it speaks it. Rejects with a RecorderError of phase `connect`;
 * no socket outlives a failed attempt.
 */
export async function connectRecorder(recorder: string, options: ConnectOptions = {}): Promise<Upload> {
  const limits = { ...DEFAULT_RECORDER_LIMITS, ...options.limits };
  const attempt = attemptAt(recorder, options);
  const address = addressOf(recorder, attempt);
  const socket = await dial(attempt, address, limits.dialMs, 'h2');
  let session: ClientHttp2Session;
  try {
    session = await probeV2(attempt, socket, address, limits.probeMs);
  } catch (error) {
    if (!mayBeV1(error, options.signal)) throw error;
    return await fallBack(attempt, recorder, address, limits, error);
  }
  return await openV2(attempt, session, recorder, address, limits);
}

/**
 * Asks whether a recorder is there, without opening an upload. Resolves when it answers at all: an older one knows
 * nothing of the probe. Rejects with a RecorderError.
 */
export async function probeRecorder(recorder: string, options: ConnectOptions = {}): Promise<void> {
  await recorderProtocol(recorder, options);
}

/** What a recorder speaks, as far as that can be told without an upload: whoever answers the probe otherwise may be a v1. */
export type RecorderProtocol =
  | { readonly protocol: 'v2' }
  | { readonly protocol: 'v1'; readonly because: string };

/** As `probeRecorder`, and says what it found. */
export async function recorderProtocol(
  recorder: string,
  options: ConnectOptions = {},
): Promise<RecorderProtocol> {
  const limits = { ...DEFAULT_RECORDER_LIMITS, ...options.limits };
  const attempt = attemptAt(recorder, options);
  const address = addressOf(recorder, attempt);
  const socket = await dial(attempt, address, limits.dialMs, 'h2');
  try {
    (await probeV2(attempt, socket, address, limits.probeMs)).destroy();
    return { protocol: 'v2' };
  } catch (error) {
    if (!mayBeV1(error, options.signal)) throw error;
    return { protocol: 'v1', because: messageOf(error) };
  }
}

/** An older recorder answers the probe with something else, or hangs up on it. A silent one is no recorder. */
function mayBeV1(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof RecorderError && error.kind !== 'timeout' && !signal?.aborted;
}

async function fallBack(
  attempt: Attempt,
  recorder: string,
  address: RecorderAddress,
  limits: RecorderLimits,
  probeError: unknown,
): Promise<Upload> {
  try {
    const socket = await dial(attempt, address, limits.dialMs, 'http/1.1');
    return await openV1(attempt, socket, recorder, address, limits);
  } catch (error) {
    if (!(error instanceof RecorderError)) throw error;
    const { kind, phase } = error;
    const message = `${error.message}, after v2: ${messageOf(probeError)}`;
    throw new RecorderError({ kind, phase, recorder, message, protocol: 'v1' }, { cause: error });
  }
}

function attemptAt(recorder: string, { timers = systemTimers, signal, access }: ConnectOptions): Attempt {
  return {
    failures: new RecorderFailures(recorder),
    timers,
    ...(signal === undefined ? {} : { signal }),
    ...(access === undefined ? {} : { access }),
  };
}

function addressOf(recorder: string, attempt: Attempt): RecorderAddress {
  try {
    return parseRecorderAddress(recorder);
  } catch (error) {
    throw attempt.failures.say('protocol', 'connect', messageOf(error), error);
  }
}
