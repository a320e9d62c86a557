import type { Duplex } from 'node:stream';
import type { AuditSink, AuditSubject } from '../audit/record.ts';
import { messageOf, WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import type { RequestClass } from '../kube/request-info.ts';
import type { AnyUpgrade } from '../kube/upgrade.ts';
import { chosenProtocol } from '../kube/upgrade.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import { upgradeHeaders, upstreamHeaders } from '../policy/impersonate.ts';
import { answerAsItCame, answerErrorOnSocket } from '../relay/answer.ts';
import { EarlyBytes } from '../relay/early-bytes.ts';
import { expectedAccept, switchingProtocols } from '../relay/handshake.ts';
import type { SpliceReport } from '../relay/splice.ts';
import { Splice } from '../relay/splice.ts';
import { dialUpgrade } from '../upstream/dial.ts';
import type { Upstream } from '../upstream/target.ts';

/** How long the API server may take to answer an upgrade. */
const DIAL_MS = 60_000;

/** An upgrade that is no session: read, decided and allowed. */
export interface TunnelRequest {
  readonly class: RequestClass;
  readonly method: string;
  /** Canonical, without the query. */
  readonly path: string;
  /** With the question mark, or empty. */
  readonly query: string;
  readonly ports: readonly string[] | 'unknown';
  readonly upgrade: AnyUpgrade;
  readonly rawHeaders: RawHeaders;
  readonly caller: Caller;
  readonly subject: AuditSubject;
  readonly clientAddress: string | undefined;
  /** Rules that enforce a recorder and let this pass all the same; undefined: it needs no audit record. */
  readonly allowedBy: readonly string[] | undefined;
}

interface TunnelEnd {
  readonly bytesToClient: number;
  readonly bytesToUpstream: number;
  readonly cause: SpliceReport['cause'] | 'refusedUpstream' | 'upstreamFailed' | 'clientLeft';
}

/** The upgrades that pass through unread, and unrecorded: each lives here from its dial to its end. */
export class Tunnels {
  readonly #env: { readonly upstream: Upstream; readonly audit: AuditSink; readonly log: Logger };
  readonly #live = new Set<{ stop: () => void }>();
  #closed = false;

  constructor(env: { readonly upstream: Upstream; readonly audit: AuditSink; readonly log: Logger }) {
    this.#env = env;
  }

  get liveCount(): number {
    return this.#live.size;
  }

  /** Ends every tunnel, and refuses the next ones. */
  close(): void {
    this.#closed = true;
    for (const tunnel of [...this.#live]) tunnel.stop();
  }

  /**
   * Asks upstream for the upgrade as the caller, and joins the sockets. Resolves at the end of it, whatever that is.
   * Throws KW_STOPPING after `close`, before anything was done.
   */
  async run(id: string, request: TunnelRequest, client: Duplex, head: Buffer): Promise<void> {
    if (this.#closed) {
      throw new WitnessError('KW_STOPPING', 'the proxy is shutting down and takes no new tunnel; try again');
    }
    this.#auditStart(id, request);
    const abort = new AbortController();
    const giveUp = (): void => {
      client.destroy();
      abort.abort();
    };
    const early = new EarlyBytes(client, head, giveUp);
    const live = { stop: giveUp };
    this.#live.add(live);
    let end: TunnelEnd;
    let refusal: WitnessError | undefined;
    try {
      const joined = await this.#dial(id, request, client, early, abort.signal);
      end =
        joined === undefined
          ? { bytesToClient: 0, bytesToUpstream: 0, cause: 'refusedUpstream' }
          : await new Promise<SpliceReport>(resolve => {
              const splice = new Splice({ client, upstream: joined.socket, ended: resolve });
              live.stop = () => splice.stop();
              splice.start({ client: early.take(), upstream: joined.head.length > 0 ? [joined.head] : [] });
            });
    } catch (thrown) {
      const { aborted } = abort.signal;
      end = { bytesToClient: 0, bytesToUpstream: 0, cause: aborted ? 'clientLeft' : 'upstreamFailed' };
      early.release();
      if (!aborted) refusal = this.#refusalOf(id, thrown);
    } finally {
      this.#live.delete(live);
    }
    this.#auditEnd(id, request, end);
    if (refusal !== undefined) await answerErrorOnSocket(client, refusal);
  }

  /** Upstream's socket, after its 101 went to the client; undefined when its refusal did. */
  async #dial(
    id: string,
    request: TunnelRequest,
    client: Duplex,
    early: EarlyBytes,
    signal: AbortSignal,
  ): Promise<{ readonly socket: Duplex; readonly head: Buffer } | undefined> {
    const { upgrade, rawHeaders, caller, clientAddress, method, path, query } = request;
    const answer = await dialUpgrade(this.#env.upstream, {
      method,
      path: `${path}${query}`,
      headers: [
        ...upstreamHeaders(rawHeaders, caller, {
          mode: this.#env.upstream.mode,
          auditId: id,
          ...(this.#env.upstream.marksRequests ? { marker: id } : {}),
          ...(clientAddress === undefined ? {} : { clientAddress }),
        }),
        ...upgradeHeaders(upgrade),
      ],
      signal,
      timeoutMs: DIAL_MS,
    });
    if (answer.kind === 'answered') {
      early.release();
      await answerAsItCame(client, answer.response);
      return undefined;
    }
    try {
      signal.throwIfAborted();
      chosenProtocol(upgrade, answer.rawHeaders, expectedAccept(upgrade));
    } catch (error) {
      answer.socket.destroy();
      throw error;
    }
    client.write(switchingProtocols(upgrade, answer.rawHeaders));
    return answer;
  }

  #refusalOf(id: string, thrown: unknown): WitnessError {
    if (thrown instanceof WitnessError) return thrown;
    this.#env.log.error({ tunnel: id, error: messageOf(thrown) }, 'tunnel failed');
    return new WitnessError('KW_INTERNAL', 'the proxy met an internal error', { cause: thrown });
  }

  #auditStart(id: string, request: TunnelRequest): void {
    const { allowedBy, subject, method, path } = request;
    if (allowedBy === undefined) return;
    this.#env.audit.write({
      type: 'request.unrecordable',
      tunnelId: id,
      subject,
      method,
      path,
      class: request.class,
      rule: allowedBy.join(', '),
    });
  }

  #auditEnd(id: string, request: TunnelRequest, end: TunnelEnd): void {
    const { allowedBy, subject, path, ports } = request;
    const { transport } = request.upgrade;
    const facts = { class: request.class, path, ports, ...end };
    this.#env.log.info({ tunnel: id, user: request.caller.user, transport, ...facts }, 'tunnel ended');
    if (allowedBy === undefined) return;
    this.#env.audit.write({ type: 'tunnel.ended', tunnelId: id, subject, ...facts });
  }
}
