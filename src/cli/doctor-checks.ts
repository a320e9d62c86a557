import { tryDatabase } from '../audit/postgres/try-database.ts';
import { checkAuditPlace } from '../checks/audit-place.ts';
import { certificateAge } from '../checks/certificate-age.ts';
import type { Check } from '../checks/check.ts';
import { clockSkew } from '../checks/clock-skew.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import { recorderProtocol } from '../recording/connect.ts';
import type { RecorderAccess } from '../recording/recorder-access.ts';
import { probeUpstream } from '../upstream/probe.ts';
import type { Upstream } from '../upstream/target.ts';
import { authenticatorOf, clientTls } from './identity-sources.ts';
import { listenerCertificate } from './listener-certificate.ts';
import { openUpstream } from './open-upstream.ts';
import { outsideChecks } from './readiness-checks.ts';
import { recorderAccessOf } from './recorder-access.ts';
import { TailscaleWatches } from './tailscale-watches.ts';

export interface DoctorParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly readText: (file: string) => string;
  /** Of one question. Milliseconds. */
  readonly askMs: number;
}

/** One thing to try. With `needsUpstream` it says nothing of its own while the API server cannot be asked. */
export interface DoctorCheck extends Check {
  readonly needsUpstream: boolean;
}

/** Everything that a configuration depends on, each to be tried for itself, in the order of a request's way. */
export function doctorChecks(config: Config, parts: DoctorParts): DoctorCheck[] {
  const { askMs, readText } = parts;
  const upstream = once(() => openUpstream(config, parts));
  const access = once(() => recorderAccessOf(config, readText));
  const asked = askedOfUpstream(config, upstream, access);
  return [
    check('upstream', async () => {
      await probeUpstream(upstream(), { timeoutMs: askMs });
      return config.upstream.mode === 'noauth'
        ? `the API server at ${upstream().hostHeader} answers`
        : `the API server at ${upstream().hostHeader} takes our credential`;
    }),
    check(
      'clock',
      async () => clockSkew((await probeUpstream(upstream(), { timeoutMs: askMs })).date, parts.clock.now()),
      true,
    ),
    ...asked.map(({ name, run }) => check(name, run, name !== 'identity-tailscale')),
    check(
      'identity',
      () => {
        const watches = new TailscaleWatches(parts);
        try {
          authenticatorOf(config, { ...parts, watches, upstream: upstream() });
        } finally {
          watches.close();
        }
        clientTls(config, readText);
        return undefined;
      },
      // It asks nobody, but cannot be made without one.
      asked.length === 0,
    ),
    check('certificate', async () => {
      const source = await listenerCertificate(config.listen.tls, parts);
      source.close();
      return certificateAge(source.first.cert, parts.clock.now());
    }),
    check('recorder-access', () => {
      access();
      return config.recording.tls === undefined ? 'recorders are spoken to in the clear' : undefined;
    }),
    ...[...new Set(config.grants.flatMap(({ recorderAddrs }) => recorderAddrs))].map(recorder =>
      check(`recorder ${recorder}`, signal => tryRecorder(recorder, access(), signal)),
    ),
    check('audit', () => tryAudit(config, parts)),
  ];
}

function check(name: string, run: Check['run'], needsUpstream = false): DoctorCheck {
  return { name, keepMs: 0, run: async signal => run(signal), needsUpstream };
}

/** The checks of /readyz that ask somebody; each recorder is tried for itself here. Without an upstream there are none. */
function askedOfUpstream(
  config: Config,
  upstream: () => Upstream,
  access: () => RecorderAccess | undefined,
): Check[] {
  try {
    const known = access();
    const checks = outsideChecks(config, {
      upstream: upstream(),
      ...(known === undefined ? {} : { access: known }),
    });
    return checks.filter(({ name }) => name !== 'upstream' && name !== 'recorder');
  } catch {
    // The checks of those two say why.
    return [];
  }
}

async function tryRecorder(
  recorder: string,
  access: RecorderAccess | undefined,
  signal: AbortSignal,
): Promise<string> {
  const found = await recorderProtocol(recorder, { signal, ...(access === undefined ? {} : { access }) });
  if (found.protocol === 'v2') return 'it speaks v2';
  // Tailscale's recorders know neither TLS nor tokens: this one is ours, and ours speak v2.
  if (access !== undefined) throw new Error(found.because);
  return `it does not answer as v2 does, so v1 will be spoken (${found.because})`;
}

async function tryAudit({ audit }: Config, { readText, askMs }: DoctorParts): Promise<string> {
  if (audit.postgres === undefined) return checkAuditPlace(audit.file ?? '');
  const { urlFile, spool } = audit.postgres;
  const place = await checkAuditPlace(spool);
  return `${await tryDatabase(readText(urlFile).trim(), { limitMs: askMs })}; ${place}`;
}

/** The first value or the first error, however often it is asked for. */
function once<T>(make: () => T): () => T {
  let made: (() => T) | undefined;
  return () => {
    if (made === undefined) {
      try {
        const value = make();
        made = () => value;
      } catch (error) {
        made = () => {
          throw error;
        };
      }
    }
    return made();
  };
}
