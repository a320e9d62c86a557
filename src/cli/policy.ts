import { createSecureContext } from 'node:tls';
import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import type { RequestPolicy } from '../proxy/handle.ts';
import { connectRecorder } from '../recording/connect.ts';
import type { RecorderAccess } from '../recording/recorder-access.ts';
import { DEFAULT_SESSION_LIMITS } from '../session/actors.ts';
import type { SessionSettings } from '../session/session.ts';
import type { SourceParts } from './identity-sources.ts';
import { authenticatorOf, clientTls } from './identity-sources.ts';
import { recorderAccessOf } from './recorder-access.ts';
import { finishMs } from './shutdown.ts';
import { together } from './start-problems.ts';

/** What a configuration says of requests and sessions that begin now, with the files that it names read. */
export interface Policy extends RequestPolicy {
  /** What the listener needs so that clients may show certificates. */
  readonly clients: ReturnType<typeof clientTls>;
  /** How recorders are reached; undefined: in the clear, by their addresses. */
  readonly access: RecorderAccess | undefined;
  readonly sessions: SessionSettings;
}

/** @throws StartError with a line for each file that it needs and cannot use */
export function policyOf(config: Config, parts: SourceParts): Policy {
  const made = together({
    clients: () => {
      const clients = clientTls(config, parts.readText);
      checked('identity: the authorities or revocation lists', clients);
      return clients;
    },
    access: () => {
      const access = recorderAccessOf(config, parts.readText);
      checked('recording.tls', access?.tls ?? {});
      return access;
    },
    authenticate: () => authenticatorOf(config, parts),
  });
  return { ...made, grants: grantsOf(config), sessions: sessionSettings(config, made.access) };
}

function sessionSettings(config: Config, access: RecorderAccess | undefined): SessionSettings {
  const { recording } = config;
  const { staggerMs, connectMs, finalAnswerMs, tls: _tls, socks5: _socks5, ...recordingLimits } = recording;
  const known = access === undefined ? {} : { access };
  return {
    connectRecorder: (recorder, options) =>
      connectRecorder(recorder, { ...options, ...known, limits: { finalAnswerMs } }),
    recordingLimits,
    limits: { ...DEFAULT_SESSION_LIMITS, staggerMs, connectMs, finishMs: finishMs(config) },
  };
}

/** OpenSSL's own judgement, before a listener or a connection needs it. */
function checked(what: string, tls: Parameters<typeof createSecureContext>[0]): void {
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new Error(`${what} cannot be used in TLS`, { cause: error });
  }
}
