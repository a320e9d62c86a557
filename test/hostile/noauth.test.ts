import { expect, test } from 'vitest';
import { WitnessError } from '../../src/errors.ts';
import type { Caller } from '../../src/policy/caller.ts';
import { startRecorder } from './recorder.ts';
import { startRig } from './rig.ts';
import { refusal, valuesIn } from './session.ts';
import { EXECQ, switching, TRANSPORTS, upgradeRequest } from './speech.ts';

/** Known by the device; the token is between the caller and the API server. */
function ann(recorderAddrs: readonly string[], enforceRecorder = true): Caller {
  const rule = { origin: 'cap[0]', impersonateGroups: ['dev'], recorderAddrs, enforceRecorder };
  return { user: 'ann@corp.com', groups: ['dev'], source: 'tailscale', rules: [rule] };
}

const IDENTITY = [
  'authorization',
  'impersonate-user',
  'impersonate-group',
  'impersonate-uid',
  'x-remote-user',
];
const AS_BOB = ['Impersonate-User: bob', 'Impersonate-Group: ops', 'X-Remote-User: root'];

function get(...lines: readonly string[]): string {
  return ['GET /api/v1/namespaces/d/pods HTTP/1.1', 'Host: proxy.test', ...lines, '\r\n'].join('\r\n');
}

test.each(TRANSPORTS)(
  'noauth: a session goes upstream with the caller’s own credential, and is recorded as the device’s (%s)',
  async transport => {
    const recorder = await startRecorder();
    const rig = await startRig({ mode: 'noauth', authenticate: async () => ann([recorder.address]) });
    const client = await rig.client();
    client.send(upgradeRequest(transport, { token: 'of-ann', more: AS_BOB }));
    const upstream = await rig.upstream.next();
    const asked = await upstream.head();
    expect(IDENTITY.map(name => valuesIn(asked, name))).toEqual([
      ['Bearer of-ann'],
      ['bob'],
      ['ops'],
      [],
      [],
    ]);
    expect(asked.join('\n')).not.toContain('proxy-token');
    upstream.send(switching(transport));
    await recorder.first();
    expect(rig.audit[0]).toMatchObject({ type: 'session.started', subject: { user: 'ann@corp.com' } });
  },
);

test('noauth: so does a request; without a credential it goes out without one', async () => {
  const rig = await startRig({ mode: 'noauth', authenticate: async () => ann([], false) });
  for (const [lines, expected] of [
    [['Authorization: Bearer of-ann'], ['Bearer of-ann']],
    [[], []],
  ] as const) {
    const client = await rig.client();
    client.send(get(...lines));
    const asked = await (await rig.upstream.next()).head();
    expect(valuesIn(asked, 'authorization')).toEqual(expected);
    expect(asked.join('\n')).not.toMatch(/impersonate|proxy-token/i);
  }
});

test.each(TRANSPORTS)(
  'noauth: nobody known is nobody forwarded, whatever the token (%s)',
  async transport => {
    const rig = await startRig({
      mode: 'noauth',
      authenticate: async () => {
        throw new WitnessError('KW_FORBIDDEN', 'your address is not that of a device in the tailnet');
      },
    });
    for (const request of [
      upgradeRequest(transport, { token: 'of-ann' }),
      get('Authorization: Bearer of-ann'),
    ]) {
      const client = await rig.client();
      client.send(request);
      expect((await refusal(client)).code).toBe(403);
    }
    expect(rig.upstream.peers).toEqual([]);
  },
);

test.each(TRANSPORTS)('noauth: rules that enforce a recorder hold as in auth (%s)', async transport => {
  const rig = await startRig({ mode: 'noauth', authenticate: async () => ann([]) });
  const roads = [upgradeRequest(transport, { target: EXECQ }), get().replace('/pods', '/pods/p/proxy')];
  for (const road of roads) {
    const client = await rig.client();
    client.send(road);
    expect((await refusal(client)).code).toBe(403);
  }
  expect(rig.upstream.peers).toEqual([]);
});
