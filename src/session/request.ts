import type { RawHeaders } from '../headers.ts';
import type { ExecOptions } from '../kube/exec-options.ts';
import type { Upgrade } from '../kube/upgrade.ts';
import type { Caller } from '../policy/caller.ts';

/** What was asked for: read from the request and checked before a session exists. */
export interface SessionRequest {
  readonly type: 'exec' | 'attach';
  readonly method: string;
  /** Canonical path, without the query. */
  readonly path: string;
  readonly namespace: string;
  readonly pod: string;
  readonly exec: ExecOptions;
  readonly upgrade: Upgrade;
  readonly rawHeaders: RawHeaders;
  readonly remoteAddress: string | undefined;
  readonly userAgent: string | undefined;
  readonly caller: Caller;
}
