import type { AdminSessions } from '../admin/routes.ts';
import type { LiveCast } from '../recording/live-cast.ts';
import type { KeyPair } from './key-pair.ts';

/** The part of the proxy that clients reach: in this process (serve-here.ts), or in workers of it. */
export interface Serving {
  /** What the admin port shows and stops. */
  readonly sessions: AdminSessions & { liveCast(id: string): LiveCast | undefined };
  /** Of all live sessions: what recorders have not confirmed, and the age of the oldest of it. */
  unacked(): { readonly bytes: number; readonly ageSeconds: number };
  /** Rejects when the address cannot be listened on. */
  listen(): Promise<{ readonly address: string; readonly port: number }>;
  /** Shown to clients from here on. */
  certificate(changed: KeyPair): void;
  /** A new configuration is in force. */
  reloaded(): void;
  /** Drains: no new sessions, live ones get their time, requests are served all the while; then takes nothing more. */
  close(): Promise<void>;
}
