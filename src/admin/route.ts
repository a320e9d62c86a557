import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Role } from '../live/role.ts';
import type { Visitor } from './access.ts';

/** One request that may be answered. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  readonly params: URLSearchParams;
  readonly visitor: Visitor;
}

export interface Route {
  readonly path: RegExp;
  readonly method: 'GET' | 'POST';
  /** `anybody`: what it says is no secret, or it looks at the visitor itself. */
  readonly needs: Role | 'anybody';
  readonly run: (call: Call) => void | Promise<void>;
}
