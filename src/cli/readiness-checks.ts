import type { SinkHealth } from '../audit/health.ts';
import { checkAudit } from '../checks/audit-sink.ts';
import { certificateAge } from '../checks/certificate-age.ts';
import type { Check } from '../checks/check.ts';
import { checkBackend, checkTailscale, checkTokenReviews } from '../checks/identity-source.ts';
import type { Ask, ImpersonationNeeds } from '../checks/impersonation-rights.ts';
import { checkImpersonation } from '../checks/impersonation-rights.ts';
import type { EnforcingRule } from '../checks/recorders.ts';
import { checkRecorders } from '../checks/recorders.ts';
import type { Clock } from '../clock.ts';
import { sourceOrder } from '../config/identity-schema.ts';
import type { Config } from '../config/schema.ts';
import { ORIGINAL_USER, SESSION_MARKER } from '../policy/impersonate.ts';
import { probeRecorder } from '../recording/connect.ts';
import type { RecorderAccess } from '../recording/recorder-access.ts';
import type { Backend } from '../tailscale/backend-watch.ts';
import { openLocalApi } from '../tailscale/local-api.ts';
import { mayWe } from '../upstream/access-review.ts';
import { probeUpstream } from '../upstream/probe.ts';
import type { Upstream } from '../upstream/target.ts';
import type { LiveConfigState } from './live-config.ts';

/** What lies outside may come and go within seconds. */
const OUTSIDE_MS = 5_000;
/** Rights are changed by people. */
const RIGHTS_MS = 60_000;
/** Of one question to the API server; the check as a whole has its own limit. */
const ASK_MS = 2_000;

export interface CheckParts {
  readonly upstream: Upstream;
  readonly access?: RecorderAccess;
  /** What is known of the tailscaled at a socket, where its bus is listened to; else it is asked. */
  readonly backend?: (socket: string) => Backend;
}

/** What a configuration needs of the world outside, to be tried by probes and by people alike. */
export function outsideChecks(config: Config, { upstream, access, backend }: CheckParts): Check[] {
  const ask: Ask = question => mayWe(upstream, question, { timeoutMs: ASK_MS });
  return [
    {
      name: 'upstream',
      keepMs: OUTSIDE_MS,
      run: async () => {
        await probeUpstream(upstream, { timeoutMs: ASK_MS });
        return undefined;
      },
    },
    // In noauth callers come with credentials of their own, and we have none.
    ...(config.upstream.mode === 'noauth'
      ? []
      : [
          {
            name: 'impersonation',
            keepMs: RIGHTS_MS,
            run: () => checkImpersonation(ask, impersonationNeeds(config)),
          },
        ]),
    ...sourceOrder(config.identity).flatMap(name => identityCheck(name, config, ask, backend)),
    {
      name: 'recorder',
      keepMs: OUTSIDE_MS,
      run: signal =>
        checkRecorders(
          enforcingRules(config),
          (recorder, aborted) =>
            probeRecorder(recorder, { signal: aborted, ...(access === undefined ? {} : { access }) }),
          signal,
        ),
    },
  ];
}

/** What the process itself can say without asking anybody. */
export function ownChecks(state: {
  readonly config: () => LiveConfigState & { readonly appliedAtMs: number };
  readonly draining: () => boolean;
  readonly auditHealth: () => SinkHealth;
  readonly mayStartSession: () => boolean;
  /** The listener's certificate as it is now, PEM. */
  readonly certificate: () => string;
  readonly clock: Clock;
}): Check[] {
  return [
    { name: 'config', keepMs: 0, run: () => configInWords(state.config()) },
    {
      name: 'shutdown',
      keepMs: 0,
      run: () => {
        if (state.draining()) throw new Error('the proxy is shutting down');
        return undefined;
      },
    },
    { name: 'audit', keepMs: 0, run: () => checkAudit(state.auditHealth(), state.mayStartSession()) },
    {
      name: 'certificate',
      keepMs: 0,
      run: () => certificateAge(state.certificate(), state.clock.now()),
    },
  ];
}

/** One that was refused leaves a good one in force, so the proxy stays ready. */
function configInWords({
  state,
  sha256,
  problems,
  appliedAtMs,
}: LiveConfigState & { readonly appliedAtMs: number }): string {
  const inForce = `sha256 ${sha256} in force since ${new Date(appliedAtMs).toISOString()}`;
  if (state === 'current') return inForce;
  const what = state === 'refused' ? 'what its files say now is refused' : 'what its file says now waits';
  return `${inForce}; ${what}: ${problems.join('; ')}`;
}

/** Sources that only read files have read them at the start. */
function identityCheck(
  name: string,
  { identity }: Config,
  ask: Ask,
  backend: CheckParts['backend'],
): Check[] {
  if (name === 'tailscale' && identity.tailscale !== undefined) {
    const { socket } = identity.tailscale;
    if (backend !== undefined) {
      return [{ name: 'identity-tailscale', keepMs: 0, run: () => checkBackend(backend(socket)) }];
    }
    const localApi = openLocalApi({ socketPath: socket, askMs: ASK_MS });
    return [{ name: 'identity-tailscale', keepMs: OUTSIDE_MS, run: () => checkTailscale(localApi) }];
  }
  if (name === 'tokenReview' && identity.tokenReview !== undefined) {
    return [{ name: 'identity-tokenReview', keepMs: RIGHTS_MS, run: () => checkTokenReviews(ask) }];
  }
  return [];
}

/** Sources that speak for others may bring extras under any key; those are asked about by nobody. */
function impersonationNeeds({ identity, grants, upstream }: Config): ImpersonationNeeds {
  const statics = identity.static ?? [];
  const keys = [
    ...statics.flatMap(({ extra }) => Object.keys(extra ?? {})),
    ...(upstream.marker ? [SESSION_MARKER] : []),
    ...(grants.some(({ impersonateAs }) => impersonateAs !== undefined) ? [ORIGINAL_USER] : []),
  ];
  return {
    extraKeys: [...new Set(keys)],
    uids: identity.tokenReview !== undefined || statics.some(({ uid }) => uid !== undefined),
  };
}

function enforcingRules({ grants }: Config): EnforcingRule[] {
  return grants.flatMap(({ enforceRecorder, recorderAddrs }, at) =>
    enforceRecorder ? [{ origin: `grants[${at}]`, recorderAddrs }] : [],
  );
}
