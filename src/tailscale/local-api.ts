import { z } from 'zod';
import type { RemoteEnd } from './address.ts';
import { addressPort } from './address.ts';
import type { CertificatePair } from './certificate-pair.ts';
import { parseCertificatePair } from './certificate-pair.ts';
import { failureOfStatus, LocalApiError } from './local-api-error.ts';
import type { LocalApiAnswer } from './local-api-request.ts';
import { callLocalApi } from './local-api-request.ts';

/** Where tailscaled listens on Linux. */
export const DEFAULT_SOCKET = '/var/run/tailscale/tailscaled.sock';

/** A question about one peer or about itself is answered from memory. */
const ASK_MS = 5_000;
/** A certificate can take a whole ACME order, and tailscaled waits for its limits. */
const CERTIFICATE_MS = 10 * 60_000;
/** A peer with its capabilities; grants of a large tailnet come to some ten KiB. */
const MAX_PEER_BYTES = 1024 * 1024;
const MAX_STATUS_BYTES = 1024 * 1024;
const MAX_CERTIFICATE_BYTES = 256 * 1024;
/** What of an error's body is kept for the log. */
const MAX_WORDS = 200;

/** A peer of the tailnet, and what the policy grants it towards this node. */
export interface Peer {
  readonly node: {
    /** Fully qualified, with the dot at its end. */
    readonly name: string;
    readonly stableId: string;
    readonly userId: number | undefined;
    /** Not empty: the node belongs to its tags, and to nobody. */
    readonly tags: readonly string[];
  };
  readonly user: { readonly id: number | undefined; readonly loginName: string };
  /** Capability names and their values, as the policy has them. */
  readonly capabilities: ReadonlyMap<string, readonly unknown[]>;
}

export interface TailscaleStatus {
  /** `Running` when connected; else `NoState`, `NeedsLogin`, `NeedsMachineAuth`, `Stopped`, `Starting` … */
  readonly backendState: string;
  readonly magicDnsSuffix: string | undefined;
  readonly addresses: readonly string[];
  /** Names that a certificate can be had for. */
  readonly certificateDomains: readonly string[];
  /** What tailscaled complains about. */
  readonly health: readonly string[];
}

/** Every method rejects with a LocalApiError, within a stated time. */
export interface LocalApi {
  whoIs(peer: RemoteEnd): Promise<Peer>;
  status(): Promise<TailscaleStatus>;
  /** A certificate that holds for `minValidityMs` from now on: the one at hand, or else a new one. */
  certificate(domain: string, minValidityMs: number): Promise<CertificatePair>;
}

/** Go writes an absent list, map or pointer as null, or leaves the key out. */
const orNone = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();

const peerSchema = z.object({
  Node: z.object({
    Name: z.string(),
    StableID: z.string(),
    User: orNone(z.number()),
    Tags: orNone(z.array(z.string())),
  }),
  UserProfile: z.object({ ID: orNone(z.number()), LoginName: z.string() }),
  // Left out by versions from before capability maps, which grant nothing that we could read.
  CapMap: orNone(z.record(z.string(), orNone(z.array(z.unknown())))),
});

const statusSchema = z.object({
  BackendState: z.string(),
  TailscaleIPs: orNone(z.array(z.string())),
  CertDomains: orNone(z.array(z.string())),
  Health: orNone(z.array(z.string())),
  CurrentTailnet: orNone(z.object({ MagicDNSSuffix: orNone(z.string()) })),
});

export function openLocalApi(options: {
  readonly socketPath: string;
  /** Milliseconds; for tests. */
  readonly askMs?: number;
}): LocalApi {
  const { socketPath, askMs = ASK_MS } = options;

  const status = async (): Promise<TailscaleStatus> => {
    const path = '/localapi/v0/status?peers=false';
    const answer = await callLocalApi(socketPath, { path, timeoutMs: askMs, maxBytes: MAX_STATUS_BYTES });
    if (answer.status !== 200) throw refusal('status', answer);
    const found = parse(statusSchema, answer);
    return {
      backendState: found.BackendState,
      magicDnsSuffix: found.CurrentTailnet?.MagicDNSSuffix ?? undefined,
      addresses: found.TailscaleIPs ?? [],
      certificateDomains: found.CertDomains ?? [],
      health: found.Health ?? [],
    };
  };

  /** Without a tailnet every peer is unknown, and that is no fault of the peer. */
  const refuseWhenNotConnected = async (): Promise<void> => {
    const { backendState } = await status();
    if (backendState !== 'Running') {
      throw new LocalApiError('notLoggedIn', `tailscaled is not connected to a tailnet (${backendState})`);
    }
  };

  return {
    status,
    whoIs: async peer => {
      const path = `/localapi/v0/whois?addr=${encodeURIComponent(addressPort(peer))}`;
      const answer = await callLocalApi(socketPath, { path, timeoutMs: askMs, maxBytes: MAX_PEER_BYTES });
      if (answer.status === 404) {
        await refuseWhenNotConnected();
        throw new LocalApiError('peerUnknown', `no peer of the tailnet is at ${addressPort(peer)}`);
      }
      if (answer.status !== 200) throw refusal('whois', answer);
      const { Node, UserProfile, CapMap } = parse(peerSchema, answer);
      return {
        node: {
          name: Node.Name,
          stableId: Node.StableID,
          userId: Node.User ?? undefined,
          tags: Node.Tags ?? [],
        },
        user: { id: UserProfile.ID ?? undefined, loginName: UserProfile.LoginName },
        capabilities: new Map(Object.entries(CapMap ?? {}).map(([name, values]) => [name, values ?? []])),
      };
    },
    certificate: async (domain, minValidityMs) => {
      const validity = `${Math.ceil(minValidityMs / 1000)}s`;
      const path = `/localapi/v0/cert/${encodeURIComponent(domain)}?type=pair&min_validity=${validity}`;
      const answer = await callLocalApi(socketPath, {
        path,
        timeoutMs: CERTIFICATE_MS,
        maxBytes: MAX_CERTIFICATE_BYTES,
      });
      if (answer.status !== 200) {
        await refuseWhenNotConnected();
        throw refusal('cert', answer);
      }
      return parseCertificatePair(answer.body.toString('utf8'));
    },
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, { body }: LocalApiAnswer): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new LocalApiError('badAnswer', "tailscaled's answer is not JSON", { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new LocalApiError('badAnswer', `tailscaled's answer cannot be read: ${where}`);
}

/** An answer that is none. tailscaled's own words are kept for the log: text, or `{"error": "…"}`. */
function refusal(what: string, answer: LocalApiAnswer): LocalApiError {
  const { status, body, retryAfter } = answer;
  const words = body.toString('utf8', 0, MAX_WORDS).trim();
  const message = `tailscaled answered ${status} to ${what}: ${words}`;
  return new LocalApiError(failureOfStatus(status), message, retryAfterOf(retryAfter));
}

/** RFC 9110 section 10.2.3, in the form that tailscaled uses: whole seconds. */
function retryAfterOf(value: string | undefined): { retryAfterMs?: number } {
  return value !== undefined && /^[0-9]{1,9}$/.test(value) ? { retryAfterMs: Number(value) * 1000 } : {};
}
