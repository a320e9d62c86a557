import { expect, test } from 'vitest';
import { POLICIES, startRig } from './rig.ts';
import { fateOf } from './roads.ts';
import { openSession, refusal, row, valuesIn } from './session.ts';
import type { Transport } from './speech.ts';
import { EXECQ, TRANSPORTS, upgradeRequest } from './speech.ts';

function plain(method: string, token: string, more: readonly string[] = [], body = ''): string {
  const lines = [`${method} /api/v1/namespaces/d/configmaps HTTP/1.1`, 'Host: proxy.test'];
  return [...lines, `Authorization: Bearer ${token}`, ...more, `\r\n${body}`].join('\r\n');
}

const ASKED = [
  'Impersonate-User: system:admin',
  'Impersonate-Group: system:masters',
  'Impersonate-Uid: 0',
  'Impersonate-Extra-scopes: all',
];
const FORGED = [
  'impersonate_user: system:admin',
  'X-Remote-User: system:admin',
  'X-Remote-Group: system:masters',
  'X_Remote_User: system:admin',
  'Audit-ID: forged',
  'X-Forwarded-For: 10.0.0.1',
  'Cookie: session=1',
];

row('R25 B079 nobody else’s identity goes upstream, however it is spelled', async setting => {
  const rig = await startRig();
  const { asked } = await openSession(rig, setting, { more: FORGED });
  const text = asked.join('\n').toLowerCase();
  expect(text).not.toMatch(/system:|forged|x-remote|x_remote|impersonate_|10\.0\.0\.1|cookie/);
  expect(valuesIn(asked, 'impersonate-user')).toEqual([`${setting.policy}@test`]);
  expect(valuesIn(asked, 'impersonate-group')).toEqual(['dev']);
  expect(valuesIn(asked, 'authorization')).toEqual(['Bearer proxy-token']);
  expect(valuesIn(asked, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  const [started] = rig.audit;
  expect(valuesIn(asked, 'audit-id')).toEqual([started?.type === 'session.started' ? started.sessionId : '']);
});

row('R25 who asks to act as another is refused, unless a rule allows it', async setting => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy, more: ASKED }));
  const { code, status } = await refusal(client);
  expect({ code, status }).toMatchObject({ code: 403, status: { kind: 'Status', reason: 'Forbidden' } });
  expect(rig.upstream.peers).toEqual([]);
  expect(rig.audit).toMatchObject([{ type: 'request.refused', code: 'KW_FORBIDDEN' }]);
});

row('R25 B074 no header of ours can be named away', async setting => {
  const rig = await startRig();
  const named = 'close, Impersonate-User, Impersonate-Group, Authorization, Audit-ID';
  const usual = upgradeRequest(setting.transport, { token: setting.policy });
  const client = await rig.client();
  client.send(usual.replace('Connection: Upgrade', `Connection: Upgrade, ${named}`));
  const asked = await (await rig.upstream.next()).head();
  expect(valuesIn(asked, 'connection')).toEqual(['Upgrade']);
  expect(valuesIn(asked, 'impersonate-user')).toEqual([`${setting.policy}@test`]);
  expect(valuesIn(asked, 'authorization')).toEqual(['Bearer proxy-token']);
  const other = await rig.client();
  other.send(plain('GET', setting.policy, [`Connection: ${named}`, 'Accept: application/json']));
  const get = await (await rig.upstream.next()).head();
  expect(valuesIn(get, 'impersonate-user')).toEqual([`${setting.policy}@test`]);
  expect(valuesIn(get, 'connection').join().toLowerCase()).not.toContain('impersonate');
  expect(valuesIn(get, 'accept')).toEqual(['application/json']);
});

row(
  'R24 B014 a token among the subprotocols ends here, and is in no log',
  async ({ policy }) => {
    const rig = await startRig();
    const token = Buffer.from(policy).toString('base64url');
    const secret = `base64url.bearer.authorization.k8s.io.${token}`;
    const client = await rig.client();
    const request = upgradeRequest('websocket', {
      token: policy,
      protocols: [`Sec-WebSocket-Protocol: ${secret}, v5.channel.k8s.io`],
    });
    client.send(request);
    const asked = await (await rig.upstream.next()).head();
    expect(valuesIn(asked, 'sec-websocket-protocol')).toEqual(['v5.channel.k8s.io']);
    expect(asked.join('\n')).not.toContain('base64url.bearer');
    expect(
      [...rig.log, JSON.stringify(rig.audit), JSON.stringify(rig.sessions.list())].join('\n'),
    ).not.toContain(token);
    // Without the header, the same token names the caller.
    const browser = await rig.client();
    browser.send(request.replace(/Authorization: .*\r\n/, ''));
    const again = await (await rig.upstream.next()).head();
    expect(valuesIn(again, 'impersonate-user')).toEqual([`${policy}@test`]);
    expect(again.join('\n')).not.toContain('base64url.bearer');
  },
  { transports: ['websocket'] },
);

test.each(POLICIES)('B073 an expectation changes nothing about who asks (%s)', async policy => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(
    plain('POST', policy, ['Expect: 100-continue', 'Content-Length: 2', 'Content-Type: application/json']),
  );
  expect((await client.head())[0]).toContain('100');
  client.send('{}');
  const upstream = await rig.upstream.next();
  expect(valuesIn(await upstream.head(), 'impersonate-user')).toEqual([`${policy}@test`]);
  expect(await upstream.bytes(2)).toBe('{}');
  upstream.send('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
  expect((await client.head())[0]).toContain('201');
  const getter = await rig.client();
  getter.send(plain('GET', policy, ['Expect: 100-continue']));
  expect((await getter.head())[0]).toContain('100');
  const odd = await rig.client();
  odd.send(plain('GET', policy, ['Expect: x']));
  expect(await refusal(odd)).toMatchObject({ code: 417, status: { kind: 'Status' } });
});

const SMUGGLED = [
  ['both lengths', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\nGET /x HTTP/1.1\r\n\r\n'],
  ['two lengths', ['Content-Length: 5', 'Content-Length: 6'], 'GET /x'],
  ['another coding', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['a space before the colon', ['Content-Length : 5'], 'GET /x'],
  ['a folded line', ['X-A: 1', ' Content-Length: 5'], 'GET /x'],
] as const;

for (const [what, lines, body] of SMUGGLED) {
  test.each(POLICIES)(`R26 no second request rides on the first: ${what} (%s)`, async policy => {
    const rig = await startRig();
    const fate = await fateOf(rig, plain('POST', policy, lines, body));
    expect(fate).toEqual({ kind: 'refused', code: 400 });
    expect(rig.upstream.peers).toHaveLength(0);
  });
}

row('R26 R32 what follows an upgrade belongs to it, and is no request', async setting => {
  const rig = await startRig();
  const { client, upstream } = await openSession(rig, setting);
  client.send('GET /api/v1/secrets HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer open\r\n\r\n');
  await client.rest();
  expect(await upstream.rest()).not.toContain('secrets');
  expect(rig.upstream.peers).toHaveLength(1);
  expect(await rig.ended()).toMatchObject({
    outcome: 'terminated',
    cause: { code: 'KW_PROTOCOL_VIOLATION' },
  });
});

const IDENTITIES = { Zoë: 'Zoë', '漢@x': '漢@x' } as const;

for (const user of Object.values(IDENTITIES)) {
  test.each(TRANSPORTS)(`B076 a name beyond ASCII goes upstream in UTF-8: ${user} (%s)`, async transport => {
    const rig = await startRig({ identities: [{ user, groups: [], secret: { token: 'far' } }] });
    const client = await rig.client();
    client.send(upgradeRequest(transport, { token: 'far' }));
    const asked = await (await rig.upstream.next()).head();
    const [sent = ''] = valuesIn(asked, 'impersonate-user');
    expect(Buffer.from(sent, 'latin1').toString('utf8')).toBe(user);
  });
}

test.each(['a\r\nImpersonate-Group: system:masters', 'a\0b', 'x'.repeat(8 * 1024), '', ' a'])(
  'B076 a name that a header would change never comes to be a caller: %j',
  async user => {
    // An identity of the configuration is judged at the start, so such a proxy does not even listen.
    const identity = { user, groups: [], secret: { token: 'bad' } };
    await expect(startRig({ identities: [identity] })).rejects.toMatchObject({ code: 'KW_FORBIDDEN' });
  },
);

test.each(TRANSPORTS)('B077 one line for each group, commas and all (%s)', async transport => {
  const groups = ['dev', 'ops, eu', ...Array.from({ length: 200 }, (_, index) => `g${index}`)];
  const rig = await startRig({ identities: [{ user: 'many', groups, secret: { token: 'many' } }] });
  const client = await rig.client();
  client.send(upgradeRequest(transport, { token: 'many' }));
  expect(valuesIn(await (await rig.upstream.next()).head(), 'impersonate-group')).toEqual(groups);
});

test('B077 too many groups are an error, not a shorter list', async () => {
  const groups = Array.from({ length: 300 }, (_, index) => `g${index}`);
  const identity = { user: 'many', groups, secret: { token: 'many' } };
  await expect(startRig({ identities: [identity] })).rejects.toThrow('groups');
});

test.each(POLICIES)('B079 the same identity goes upstream on every road (%s)', async policy => {
  const rig = await startRig();
  const more = ['User-Agent: kubectl/1', 'Kubectl-Command: exec', 'Accept: application/json'];
  const heads: (readonly string[])[] = [];
  const requests = [
    plain('GET', policy, more),
    ...TRANSPORTS.map((transport: Transport) =>
      upgradeRequest(transport, { token: policy, more, target: EXECQ }),
    ),
  ];
  for (const request of requests) {
    const client = await rig.client();
    client.send(request);
    heads.push(await (await rig.upstream.next()).head());
  }
  const names = [
    'impersonate-user',
    'impersonate-group',
    'authorization',
    'user-agent',
    'kubectl-command',
    'accept',
  ];
  const sets = heads.map(head => names.map(name => valuesIn(head, name)));
  expect(sets[0]).toEqual([
    [`${policy}@test`],
    ['dev'],
    ['Bearer proxy-token'],
    ['kubectl/1'],
    ['exec'],
    ['application/json'],
  ]);
  expect(sets[1]).toEqual(sets[0]);
  expect(sets[2]).toEqual(sets[0]);
});

const ERRORS: readonly (readonly [what: string, code: number, request: (transport: Transport) => string])[] =
  [
    ['nobody known', 401, transport => upgradeRequest(transport, { token: 'nobody' })],
    ['no upgrade', 400, transport => upgradeRequest(transport, { token: 'open', upgrade: [] })],
    [
      'a bad upgrade',
      400,
      transport =>
        upgradeRequest(transport, { token: 'open', upgrade: ['Connection: Upgrade', 'Upgrade: x'] }),
    ],
    [
      'no streams',
      400,
      transport => upgradeRequest(transport, { token: 'open', target: EXECQ.split('?')[0] ?? '' }),
    ],
    [
      'headers too large',
      431,
      transport => upgradeRequest(transport, { token: 'open', more: [`X: ${'x'.repeat(140_000)}`] }),
    ],
    ['not HTTP', 400, () => 'nonsense\r\n\r\n'],
    ['CONNECT', 400, () => 'CONNECT proxy.test:443 HTTP/1.1\r\nHost: proxy.test\r\n\r\n'],
  ];

for (const [what, code, request] of ERRORS) {
  test.each(TRANSPORTS)(
    `B080 an error of ours is a Status without our insides: ${what} (%s)`,
    async transport => {
      const rig = await startRig();
      const client = await rig.client();
      client.send(request(transport));
      const { code: answered, status } = await refusal(client);
      expect(answered).toBe(code);
      expect(status).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code });
      expect(JSON.stringify(status)).not.toMatch(/127\.0\.0\.1|\.ts:|node_modules| at \//);
      expect(rig.upstream.peers).toHaveLength(0);
    },
  );
}
