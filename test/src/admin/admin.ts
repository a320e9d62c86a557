import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdminAccess } from '../../../src/admin/access.ts';
import type { AdminOptions, AdminServer } from '../../../src/admin/server.ts';
import { startAdminServer } from '../../../src/admin/server.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { staticTokens } from '../../../src/identity/static-tokens.ts';
import { ROLES } from '../../../src/live/role.ts';
import { createLogger } from '../../../src/log.ts';
import { FakeSessions } from '../live/sessions.ts';

/** A built page of three files. */
export function builtPage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubewitness-page-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(folder, 'assets', 'index-abc.js'), 'export {};');
  writeFileSync(join(folder, 'notes.txt'), 'not served');
  return folder;
}

/** Whoever is local may do everything, and nobody else exists. */
export const EVERYTHING: AdminAccess = {
  authenticate: staticTokens([], []),
  roles: { viewer: [], auditor: [], operator: [] },
  local: ROLES,
  hosts: [],
  tokens: false,
};

/** Four people with a token that is their name, three of them with a role; nobody local. */
export const PEOPLE: AdminAccess = {
  authenticate: staticTokens(
    ['vera', 'axel', 'olga', 'nina'].map(user => ({ user, groups: [`${user}s`], secret: { token: user } })),
    [],
  ),
  roles: { viewer: [{ user: 'vera' }], auditor: [{ group: 'axel*' }], operator: [{ user: 'olga' }] },
  local: [],
  hosts: ['witness.example'],
  tokens: true,
};

export async function startAdmin(
  options: Partial<Omit<AdminOptions, 'sessions'>> = {},
): Promise<{ admin: AdminServer; sessions: FakeSessions; events: AuditEvent[] }> {
  const sessions = new FakeSessions();
  const events: AuditEvent[] = [];
  const admin = await startAdminServer({
    address: '127.0.0.1',
    port: 0,
    page: builtPage(),
    log: createLogger('silent'),
    access: EVERYTHING,
    audit: { write: event => events.push(event), close: () => {} },
    mayBegin: () => true,
    ...options,
    sessions,
  });
  return { admin, sessions, events };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A request with any headers, Host among them. */
export async function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  sent?: string,
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false });
  asked.end(sent);
  const [response] = await once(asked, 'response');
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    body += text;
  });
  await once(response, 'end');
  return { status: response.statusCode, headers: response.headers, body };
}
