import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { LineCutter } from './line-cutter.ts';
import { failureOfStatus, LocalApiError } from './local-api-error.ts';
import { connectionFailure, getFromLocalApi } from './local-api-request.ts';

/** tailscaled's states, in the order in which the bus counts them. */
const STATES = [
  'NoState',
  'InUseOtherUser',
  'NeedsLogin',
  'NeedsMachineAuth',
  'Stopped',
  'Starting',
  'Running',
];
/** The first message is to hold the state (2) and the health (128). */
const MASK = 2 | 128;
/** Until that first message. Afterwards the bus is silent for as long as nothing changes. */
const FIRST_MS = 5_000;
/** Of one message. Older versions send the whole map of the tailnet now and then, which is of no use here. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_WARNINGS = 20;
const MAX_WARNING_LENGTH = 200;

const warningSchema = z.object({ Title: z.string().default(''), Text: z.string().default('') });

const notifySchema = z.object({
  State: z.int().nullish(),
  Health: z
    .object({
      Warnings: z.record(z.string(), warningSchema).nullish(),
    })
    .nullish(),
});

/** What a message changes; what is left out is as it was. */
export interface BusUpdate {
  readonly state?: string;
  /** What tailscaled complains about. */
  readonly health?: readonly string[];
}

export interface BusListener {
  heard(update: BusUpdate): void;
  /** A message was too long to be read. */
  missed(): void;
  /** Once, and nothing after it. Not after the listener itself has ended it. */
  ended(error: LocalApiError): void;
}

/** Listens to tailscaled's bus on one connection. The returned function ends it. */
export function listenToBus(
  socketPath: string,
  listener: BusListener,
  { firstMs = FIRST_MS, maxMessageBytes = MAX_MESSAGE_BYTES } = {},
): () => void {
  const request = getFromLocalApi(socketPath, `/localapi/v0/watch-ipn-bus?mask=${MASK}`);
  const lines = new LineCutter(maxMessageBytes);
  let over = false;
  const end = (error?: LocalApiError): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    request.destroy();
    if (error !== undefined) listener.ended(error);
  };
  const timer = setTimeout(
    () => end(new LocalApiError('unavailable', `tailscaled did not say its state within ${firstMs} ms`)),
    firstMs,
  ).unref();
  const onLine = (line: string | undefined): void => {
    if (over) return;
    if (line === undefined) {
      listener.missed();
      return;
    }
    const update = readUpdate(line);
    if (update === undefined) {
      end(new LocalApiError('badAnswer', "a message of tailscaled's bus cannot be read"));
      return;
    }
    if (update.state !== undefined) clearTimeout(timer);
    listener.heard(update);
  };
  request.on('socket', socket => socket.unref());
  request.on('error', (error: NodeJS.ErrnoException) => {
    const { kind, message } = connectionFailure(error, socketPath);
    end(new LocalApiError(kind, message, { cause: error }));
  });
  request.on('close', () => end(new LocalApiError('unavailable', 'tailscaled ended the watch')));
  request.on('response', (response: IncomingMessage) => {
    const { statusCode = 0 } = response;
    // Cut short, it ends with the request's 'close'.
    response.on('error', () => {});
    if (statusCode !== 200) {
      end(
        new LocalApiError(failureOfStatus(statusCode), `tailscaled answered ${statusCode} to watch-ipn-bus`),
      );
      return;
    }
    response.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk)) onLine(line);
    });
  });
  request.end();
  return () => end();
}

function readUpdate(line: string): BusUpdate | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { data } = notifySchema.safeParse(value);
  if (data === undefined) return undefined;
  const { State: state, Health: health } = data;
  return {
    ...(typeof state === 'number' ? { state: STATES[state] ?? `State${state}` } : {}),
    ...(health ? { health: wordsOf(health.Warnings ?? {}) } : {}),
  };
}

function wordsOf(warnings: Readonly<Record<string, z.output<typeof warningSchema>>>): string[] {
  return Object.entries(warnings)
    .map(([code, { Text, Title }]) => (Text || Title || code).slice(0, MAX_WARNING_LENGTH))
    .slice(0, MAX_WARNINGS);
}
