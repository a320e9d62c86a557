import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../../src/admin/server.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { WitnessError } from '../../../src/errors.ts';
import { ROLES } from '../../../src/live/role.ts';
import { ended, type FakeSessions, session } from '../live/sessions.ts';
import { type Answer, ask, EVERYTHING, PEOPLE, startAdmin } from './admin.ts';

const LIVE = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const OVER = '1b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const WRITES = { 'x-requested-by': 'kubewitness' };
const recordings = {
  list: async () => [],
  open: async () => ({ bytes: 4, body: Readable.from(['cast']), sessionId: OVER }),
};

let admin: AdminServer;
let sessions: FakeSessions;
let events: AuditEvent[];

beforeEach(async () => {
  ({ admin, sessions, events } = await startAdmin({ access: PEOPLE, recordings }));
  sessions.change(session(LIVE));
  sessions.change(ended(OVER));
});

afterEach(() => admin.close());

function as(user: string | undefined): Record<string, string> {
  return user === undefined ? {} : { authorization: `Bearer ${user}` };
}

function reasonOf({ body }: Answer): unknown {
  return (JSON.parse(body) as { reason?: unknown }).reason;
}

describe('roles', () => {
  const PATHS = {
    sessions: ['GET', '/api/v1/sessions'],
    one: ['GET', `/api/v1/sessions/${LIVE}`],
    recordings: ['GET', '/api/v1/recordings'],
    cast: ['GET', '/api/v1/recordings/r1/cast'],
    stop: ['POST', `/api/v1/sessions/${LIVE}/stop`],
  } as const;

  test.each([
    [undefined, { sessions: 401, one: 401, recordings: 401, cast: 401, stop: 401 }],
    ['stranger', { sessions: 401, one: 401, recordings: 401, cast: 401, stop: 401 }],
    ['nina', { sessions: 403, one: 403, recordings: 403, cast: 403, stop: 403 }],
    ['vera', { sessions: 200, one: 200, recordings: 403, cast: 403, stop: 403 }],
    ['axel', { sessions: 200, one: 200, recordings: 200, cast: 200, stop: 403 }],
    ['olga', { sessions: 200, one: 200, recordings: 403, cast: 403, stop: 202 }],
  ])('%s gets %j', async (user, statuses) => {
    const seen = await Promise.all(
      Object.entries(PATHS).map(async ([name, [method, path]]) => {
        const answer = await ask(admin.port, path, { ...WRITES, ...as(user) }, method);
        if (answer.status >= 400) expect(reasonOf(answer)).toMatch(/^(Unauthorized|Forbidden)$/);
        return [name, answer.status];
      }),
    );
    expect(Object.fromEntries(seen)).toEqual(statuses);
    expect(sessions.stopped).toHaveLength(user === 'olga' ? 1 : 0);
  });

  test('probes, metrics and the files of the page ask nobody who they are', async () => {
    for (const path of ['/livez', '/readyz', '/', '/assets/index-abc.js'])
      expect([path, (await ask(admin.port, path)).status]).toEqual([path, 200]);
  });

  test('whoever is refused a role is in the audit; whoever has not signed in yet is not', async () => {
    await ask(admin.port, '/api/v1/sessions');
    await ask(admin.port, '/api/v1/recordings?session=x', as('vera'));
    expect(events).toEqual([
      expect.objectContaining({
        type: 'request.refused',
        subject: expect.objectContaining({ user: 'vera', address: '127.0.0.1' }),
        path: '/api/v1/recordings',
        code: 'KW_FORBIDDEN',
      }),
    ]);
  });

  test('a source that does not answer gives nobody a role', async () => {
    const down = await startAdmin({
      access: {
        ...PEOPLE,
        authenticate: async () => {
          throw new WitnessError('KW_IDENTITY_UNAVAILABLE', 'tailscaled is down');
        },
      },
    });
    const answer = await ask(down.admin.port, '/api/v1/sessions');
    await down.admin.close();
    expect(answer.status).toBe(503);
  });
});

describe('whoever is local', () => {
  test.each([
    ['comes as such', {}, 200],
    ['has come through a relay on this machine', { 'x-forwarded-for': '10.0.0.9' }, 401],
    ['shows a token that nobody knows', { authorization: 'Bearer made-up' }, 401],
  ])('and %s is answered with %j: %i', async (_name, headers: Record<string, string>, status) => {
    const local = await startAdmin({ access: { ...EVERYTHING, local: ['operator'] } });
    const answer = await ask(local.admin.port, '/api/v1/sessions', headers);
    await local.admin.close();
    expect(answer.status).toBe(status);
  });

  test('is not whoever a source knows by the connection: tailscaled can bring its peers to loopback', async () => {
    const caller = await PEOPLE.authenticate({
      rawHeaders: ['Authorization', 'Bearer vera'],
      remoteAddress: undefined,
    });
    const local = await startAdmin({ access: { ...PEOPLE, local: ROLES, authenticate: async () => caller } });
    const stop = await ask(local.admin.port, `/api/v1/sessions/${LIVE}/stop`, WRITES, 'POST');
    const list = await ask(local.admin.port, '/api/v1/sessions');
    await local.admin.close();
    expect([stop.status, list.status]).toEqual([403, 200]);
  });

  test('has the roles that were given, and no other', async () => {
    const local = await startAdmin({ access: { ...EVERYTHING, local: ['viewer'] }, recordings });
    local.sessions.change(session(LIVE));
    const stop = await ask(local.admin.port, `/api/v1/sessions/${LIVE}/stop`, WRITES, 'POST');
    const cast = await ask(local.admin.port, '/api/v1/recordings/r1/cast');
    const list = await ask(local.admin.port, '/api/v1/sessions');
    await local.admin.close();
    expect([stop.status, cast.status, list.status]).toEqual([401, 401, 200]);
  });
});

describe('pages of other sites', () => {
  const own = (): string => `http://127.0.0.1:${admin.port}`;

  test.each([
    ['another site reads', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another port reads', 'GET', { 'sec-fetch-site': 'same-site' }, 403],
    ['somebody types the address', 'GET', { 'sec-fetch-site': 'none' }, 200],
    ['another site writes', 'POST', { ...WRITES, 'sec-fetch-site': 'cross-site' }, 403],
    ['a page of another origin writes', 'POST', { ...WRITES, origin: 'https://evil.example' }, 403],
    ['a page without an origin writes', 'POST', { ...WRITES, origin: 'null' }, 403],
    ['a form writes', 'POST', {}, 403],
    ['a program writes', 'POST', WRITES, 202],
  ])('%s: %s with %j is answered with %i', async (_name, method, headers: Record<string, string>, status) => {
    const path = method === 'GET' ? '/api/v1/sessions' : `/api/v1/sessions/${LIVE}/stop`;
    const answer = await ask(admin.port, path, { ...as('olga'), ...headers }, method);
    expect(answer.status).toBe(status);
  });

  test('our own page writes', async () => {
    const headers = { ...as('olga'), ...WRITES, origin: own(), 'sec-fetch-site': 'same-origin' };
    expect((await ask(admin.port, `/api/v1/sessions/${LIVE}/stop`, headers, 'POST')).status).toBe(202);
  });

  test('a rebound name is refused, one of ours is not', async () => {
    const status = async (host: string): Promise<number> =>
      (await ask(admin.port, '/api/v1/sessions', { ...as('vera'), host })).status;
    expect([await status('evil.example'), await status('Witness.Example:9090')]).toEqual([421, 200]);
  });
});

describe('sign-in', () => {
  const signIn = (user: string): Promise<Answer> =>
    ask(admin.port, '/api/v1/sign-in', { ...WRITES, ...as(user) }, 'POST');
  const cookieOf = ({ headers }: Answer): string => String(headers['set-cookie']).split(';')[0] ?? '';

  test('gives a cookie that scripts cannot read and other sites cannot use, and that is no token', async () => {
    const answer = await signIn('axel');
    expect(answer.status).toBe(200);
    const [cookie] = [answer.headers['set-cookie']].flat();
    expect(cookie).toMatch(/^kubewitness=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(JSON.parse(answer.body)).toEqual({
      user: 'axel',
      roles: ['viewer', 'auditor'],
      signedIn: true,
      canSignIn: true,
    });
  });

  test('counts until it is over', async () => {
    const cookie = cookieOf(await signIn('axel'));
    const status = async (): Promise<number> =>
      (await ask(admin.port, '/api/v1/recordings', { cookie })).status;
    expect(await status()).toBe(200);
    await ask(admin.port, '/api/v1/sign-out', { ...WRITES, cookie }, 'POST');
    expect(await status()).toBe(401);
  });

  test.each([
    ['made-up', 401],
    ['nina', 403],
  ])('as %s is answered with %i, without a cookie, and audited', async (user, status) => {
    const answer = await signIn(user);
    expect([answer.status, answer.headers['set-cookie']]).toEqual([status, undefined]);
    expect(events).toEqual([expect.objectContaining({ type: 'request.refused', path: '/api/v1/sign-in' })]);
    expect(JSON.stringify(events)).not.toContain('Bearer');
  });

  test('takes no token from an address, nor from a form', async () => {
    const statuses = await Promise.all([
      ask(admin.port, '/api/v1/sign-in?token=axel', WRITES, 'POST'),
      ask(admin.port, '/api/v1/sign-in', { authorization: 'Bearer axel' }, 'POST'),
      ask(admin.port, '/api/v1/sign-in', { ...WRITES, ...as('axel') }, 'GET'),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 403, 405]);
  });

  test('two cookies of the name are none: one was set by somebody else', async () => {
    const cookie = cookieOf(await signIn('axel'));
    const answer = await ask(admin.port, '/api/v1/sessions', { cookie: `kubewitness=x; ${cookie}` });
    expect(answer.status).toBe(401);
  });

  test('who am I', async () => {
    expect(JSON.parse((await ask(admin.port, '/api/v1/me')).body)).toEqual({
      roles: [],
      signedIn: false,
      canSignIn: true,
    });
  });
});

describe('stopping', () => {
  const stop = (id: string, body?: string): Promise<Answer> =>
    ask(admin.port, `/api/v1/sessions/${id}/stop`, { ...WRITES, ...as('olga') }, 'POST', body);

  test('is audited with the operator, and the client is told who and why', async () => {
    const answer = await stop(LIVE, JSON.stringify({ reason: 'wrong cluster' }));
    expect(JSON.parse(answer.body)).toMatchObject({ id: LIVE, outcome: 'stopped' });
    expect(events).toEqual([
      {
        type: 'session.stopped',
        subject: { user: 'olga', groups: ['olgas'], source: 'static', address: '127.0.0.1' },
        sessionId: LIVE,
        reason: 'wrong cluster',
      },
    ]);
    expect(sessions.stopped).toEqual([
      {
        id: LIVE,
        cause: { code: 'KW_STOPPED', message: 'the session was stopped by olga: wrong cluster' },
      },
    ]);
  });

  test.each([
    ['nothing that acts on a terminal', '{"reason":"\\u001b]0;x\\u0007"}', 400],
    ['no second line', '{"reason":"a\\nb"}', 400],
    ['nothing that turns text around', '{"reason":"\\u202e"}', 400],
    ['no essay', `{"reason":"${'x'.repeat(201)}"}`, 400],
    ['text only', '{"reason":{}}', 400],
    ['JSON only', 'reason=x', 400],
    ['a few words only', ' '.repeat(500_000), 413],
  ])('takes as a reason %s', async (_name, body, status) => {
    expect((await stop(LIVE, body)).status).toBe(status);
    expect(sessions.stopped).toEqual([]);
  });

  test('what is over, or being ended, or unknown cannot be stopped', async () => {
    expect((await stop(OVER)).status).toBe(409);
    await stop(LIVE);
    expect((await stop(LIVE)).status).toBe(409);
    expect((await stop(LIVE.replace('0b', '0c'))).status).toBe(404);
    expect(sessions.stopped).toHaveLength(1);
  });
});

describe('views of recordings', () => {
  const view = (path: string): Promise<Answer> => ask(admin.port, path, as('axel'));
  const looks = (): unknown[] => events.filter(({ type }) => type === 'recording.viewed');

  test('are audited, with who, what and how, once for one look', async () => {
    await view('/api/v1/recordings/r1/cast?play');
    await view('/api/v1/recordings/r1/cast?play');
    await view('/api/v1/recordings/r1/cast');
    const subject = expect.objectContaining({ user: 'axel', address: '127.0.0.1' });
    expect(looks()).toEqual([
      { type: 'recording.viewed', subject, how: 'play', recording: { id: 'r1' }, sessionId: OVER },
      { type: 'recording.viewed', subject, how: 'download', recording: { id: 'r1' }, sessionId: OVER },
    ]);
  });

  test('headers alone show nothing', async () => {
    await ask(admin.port, '/api/v1/recordings/r1/cast', as('axel'), 'HEAD');
    expect(looks()).toEqual([]);
  });

  test('are refused while the audit cannot be written', async () => {
    const failing = await startAdmin({ recordings, mayBegin: () => false });
    const answer = await ask(failing.admin.port, '/api/v1/recordings/r1/cast');
    await failing.admin.close();
    expect([answer.status, failing.events]).toEqual([503, []]);
  });
});
