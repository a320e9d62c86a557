import type { Cause, FailMode, Outcome } from '../../machines/session.ts';

/** One step of a session, as watchers see it. */
export interface Transition {
  /** State entered, dotted: `joined.streaming`. */
  readonly state: string;
  /** The event that led there. */
  readonly event: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** What the page, the API and the tests see of a session. Plain data, no secrets, no payload. */
export interface SessionView {
  readonly id: string;
  /** Whose session it is, where several proxies are shown together. */
  readonly replica?: string;
  /** It runs at another replica, and only that one can stop it or show it live. */
  readonly elsewhere?: true;
  readonly type: 'exec' | 'attach';
  readonly state: string;
  /** When `state` was entered. RFC 3339, UTC. */
  readonly since: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly caller: { readonly user: string; readonly groups: readonly string[]; readonly source: string };
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly protocol: { readonly transport: string; readonly subprotocol?: string };
  readonly failMode?: FailMode;
  readonly recorder?: string;
  /** `interrupted`: its process was gone, as another one or the next start found (docs/session.md). */
  readonly outcome?: Outcome | 'interrupted';
  readonly cause?: Cause;
  readonly exitCode?: number;
  readonly transitions: readonly Transition[];
}

/** XState's value as one dotted name. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([parent, child]) => `${parent}.${stateName(child)}`)
    .join(' ');
}

/** The part of a state's name that is a contract: what lies inside `joined.streaming` is not. */
export function contractName(state: string): string {
  return state.split('.').slice(0, 2).join('.');
}
