import { once } from 'node:events';
import { request } from 'node:https';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../../src/admin/server.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { clientCertificateListener, parseAuthorities } from '../../../src/identity/certificate-authority.ts';
import { clientCertificateSource } from '../../../src/identity/client-certificate.ts';
import { DEFAULT_IDENTITY_HEADERS, requestHeaderSource } from '../../../src/identity/request-header.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { staticSource } from '../../../src/identity/static-tokens.ts';
import { tailscaleSource } from '../../../src/identity/tailscale.ts';
import { tokenReviewSource } from '../../../src/identity/token-review.ts';
import { silentLogger } from '../../../src/log.ts';
import { LocalApiError } from '../../../src/tailscale/local-api-error.ts';
import { authority, type KeyPair } from '../identity/clients.ts';
import type { FakeSessions } from '../live/sessions.ts';
import { session } from '../live/sessions.ts';
import { startAdmin } from './admin.ts';

const ID = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const people = await authority('people');
const fronts = await authority('fronts');
const server = await people.issue({ CN: 'localhost', O: undefined }, { server: true });
const cora = await people.issue({ CN: 'cora', O: 'sre' });
const stranger = await people.issue({ CN: 'stranger', O: 'sales' });
const front = await fronts.issue({ CN: 'front', O: undefined });
const clock = { now: Date.now, monotonic: () => performance.now() };

let admin: AdminServer;
let sessions: FakeSessions;
let events: AuditEvent[];
/** Whom tailscaled says that the next connection comes from. */
let peer: string | undefined;

beforeEach(async () => {
  peer = undefined;
  const grants: [] = [];
  const authorities = (pem: string) => () => parseAuthorities(pem);
  const authenticate = firstThatKnows([
    requestHeaderSource({
      authorities: authorities(fronts.caPem),
      allowedNames: ['front'],
      headers: DEFAULT_IDENTITY_HEADERS,
      grants,
      clock,
    }),
    clientCertificateSource({ authorities: authorities(people.caPem), grants, clock }),
    tailscaleSource({
      localApi: {
        whoIs: async () => {
          if (peer === undefined) throw new LocalApiError('peerUnknown', 'no peer');
          return {
            node: { name: 'laptop.tail.ts.net', stableId: 'n1', userId: 1, tags: [] },
            user: { id: 1, loginName: peer },
            capabilities: new Map(),
          };
        },
      },
      grants,
      clock,
      log: silentLogger,
    }),
    staticSource([{ user: 'stan', groups: ['sre'], secret: { token: 'stan' } }], grants),
    tokenReviewSource({
      review: async token => ({
        authenticated: token === 'reviewed',
        user: { username: 'system:serviceaccount:ops:bot', uid: '', groups: ['sre'], extra: {} },
        audiences: [],
      }),
      audiences: [],
      grants,
      clock,
      log: silentLogger,
    }),
  ]);
  ({ admin, sessions, events } = await startAdmin({
    tls: {
      ...server,
      ...clientCertificateListener({ authorities: [people.caPem, fronts.caPem], revocationLists: [] }),
    },
    access: {
      authenticate,
      roles: { viewer: [], auditor: [], operator: [{ group: 'sre' }, { user: '*@example.com' }] },
      local: [],
      hosts: [],
      tokens: true,
    },
  }));
  sessions.change(session(ID));
});

afterEach(() => admin.close());

async function stop(client: Partial<KeyPair>, headers: Record<string, string>): Promise<number> {
  const asked = request({
    host: '127.0.0.1',
    port: admin.port,
    path: `/api/v1/sessions/${ID}/stop`,
    method: 'POST',
    headers: { 'x-requested-by': 'kubewitness', ...headers },
    ca: people.caPem,
    servername: 'localhost',
    agent: false,
    ...client,
  });
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const named = { 'x-remote-user': 'fay', 'x-remote-group': 'sre' };

describe('the sources of the proxy, on the admin port', () => {
  test.each([
    ['a client certificate', cora, {}, undefined, 'clientCertificate', 'cora'],
    ['a front proxy', front, named, undefined, 'requestHeader', 'fay'],
    ['tailscaled', {}, {}, 'tess@example.com', 'tailscale', 'tess@example.com'],
    ['a static token', {}, bearer('stan'), undefined, 'static', 'stan'],
    ['a reviewed token', {}, bearer('reviewed'), undefined, 'tokenReview', 'system:serviceaccount:ops:bot'],
  ])('%s makes an operator', async (_name, client, headers, from, source, user) => {
    peer = from;
    expect(await stop(client, headers)).toBe(202);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'session.stopped',
        subject: expect.objectContaining({ source, user }),
      }),
    ]);
  });

  test.each([
    ['somebody known without a role', stranger, {}, 403],
    ['identity headers without a front proxy', {}, named, 401],
    ['identity headers behind the certificate of somebody', stranger, named, 403],
    ['a token that nobody knows', {}, bearer('made-up'), 401],
    ['nothing at all', {}, {}, 401],
  ])('%s does not', async (_name, client, headers, status) => {
    expect(await stop(client, headers)).toBe(status);
    expect(sessions.stopped).toEqual([]);
  });
});
