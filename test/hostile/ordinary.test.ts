import { describe, expect, test } from 'vitest';
import type { Policy } from './rig.ts';
import { POLICIES, startRig } from './rig.ts';
import { refusal, valuesIn } from './session.ts';

/** An ordinary request in bytes. */
function ask(
  method: string,
  target: string,
  policy: Policy,
  more: readonly string[] = [],
  body = '',
): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: proxy.test',
    `Authorization: Bearer ${policy}`,
    ...more,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const PODS = '/api/v1/namespaces/d/pods';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe.each(POLICIES)('ordinary requests (%s)', policy => {
  test.each([
    ['GET', `${PODS}/p/proxy/`, 'R17'],
    ['POST', '/api/v1/namespaces/d/services/https:kubernetes:443/proxy/api/v1/pods', 'R17'],
    ['GET', `${PODS}/p/portforward?ports=22`, 'R18'],
    ['PATCH', `${PODS}/p/ephemeralcontainers`, 'R19'],
    ['PUT', `${PODS}/p/ephemeralcontainers`, 'R19'],
  ])('%s %s is no road around an enforced recorder (%s)', async (method, target) => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask(method, target, policy, ['Content-Length: 0']));
    if (policy === 'closed' || target.includes('portforward')) {
      const { code, status } = await refusal(client);
      expect(code).toBe(policy === 'closed' ? 403 : 400);
      expect(status['kind']).toBe('Status');
      if (policy === 'closed') expect(status['message']).toContain('grants[1]');
      expect(rig.upstream.peers).toEqual([]);
    } else {
      const upstream = await rig.upstream.next();
      expect(valuesIn(await upstream.head(), 'impersonate-user')).toEqual(['open@test']);
    }
  });

  test.each([
    ['creating a pod with a command', `${PODS}`, 'R20'],
    ['asking for a token', '/api/v1/namespaces/d/serviceaccounts/s/token', 'R21'],
  ])('%s passes as the caller: RBAC and admission decide (%s %s)', async (_name, target) => {
    const rig = await startRig();
    const client = await rig.client();
    const body = '{"spec":{"containers":[{"command":["sh"]}]}}';
    client.send(ask('POST', target, policy, [`Content-Length: ${body.length}`], body));
    const upstream = await rig.upstream.next();
    expect(valuesIn(await upstream.head(), 'impersonate-user')).toEqual([`${policy}@test`]);
    expect(await upstream.bytes(body.length)).toBe(body);
    // What the body says is in no log and no audit record.
    expect(JSON.stringify([rig.audit, rig.log])).not.toContain('containers');
  });

  test('a cookie and a second credential end here (R33)', async () => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('GET', PODS, policy, ['Cookie: session=1', 'Proxy-Authorization: Basic eA==']));
    const head = await (await rig.upstream.next()).head();
    expect(valuesIn(head, 'authorization')).toEqual(['Bearer proxy-token']);
    expect(head.join('\n')).not.toMatch(/cookie|proxy-authorization/i);
  });

  test.each(['FIN', 'RST'])('a client that leaves its watch by %s frees it upstream (B082)', async how => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('GET', `${PODS}?watch=1`, policy));
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nevent\n\r\n');
    await client.until('event');
    if (how === 'RST') client.rst();
    else client.socket.destroy();
    await upstream.left;
  });

  test('a watch has its headers at once, and no limit of ours (B083)', async () => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('GET', `${PODS}?watch=1`, policy));
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect((await client.head())[0]).toBe('HTTP/1.1 200 OK');
    upstream.send('6\r\nlater\n\r\n');
    await client.until('later');
  });

  test.each(['DELETE', 'GET', 'OPTIONS', 'POST'])(
    'the chunked body of a %s is no second request (B085)',
    async method => {
      const rig = await startRig();
      const client = await rig.client();
      const smuggled = 'GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\nImpersonate-User: system:admin\r\n\r\n';
      const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
      client.send(ask(method, `${PODS}/p`, policy, ['Transfer-Encoding: chunked'], chunk));
      const upstream = await rig.upstream.next();
      const head = await upstream.head();
      expect(valuesIn(head, 'transfer-encoding')).toEqual(['chunked']);
      expect(valuesIn(head, 'impersonate-user')).toEqual([`${policy}@test`]);
      expect(await upstream.chunkedBody()).toBe(smuggled);
      upstream.send(OK);
      expect((await client.head())[0]).toBe('HTTP/1.1 200 OK');
      expect(rig.upstream.peers).toHaveLength(1);
    },
  );

  test('two framings are refused (B085)', async () => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('POST', PODS, policy, ['Transfer-Encoding: chunked', 'Content-Length: 3'], '0\r\n\r\n'));
    expect((await client.head())[0]).toContain(' 400 ');
    expect(rig.upstream.peers).toEqual([]);
  });

  test('a kept connection that upstream had closed costs a GET nothing, and a POST is not sent twice (B086)', async () => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('GET', PODS, policy));
    const first = await rig.upstream.next();
    await first.head();
    first.send(OK);
    await client.head();
    await client.bytes(2);
    // The next request meets the reset on the kept connection.
    client.send(ask('GET', PODS, policy));
    await first.head();
    first.socket.resetAndDestroy();
    const second = await rig.upstream.next();
    await second.head();
    second.send(OK);
    expect((await client.head())[0]).toBe('HTTP/1.1 200 OK');
    await client.bytes(2);
    client.send(ask('POST', PODS, policy, ['Content-Length: 1'], 'x'));
    const third = await rig.upstream.next();
    await third.head();
    third.socket.resetAndDestroy();
    expect((await client.head())[0]).toContain(' 502 ');
    expect(rig.upstream.peers).toHaveLength(3);
  });

  test('an answer that comes before the upload is whole reaches the client (B088)', async () => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('POST', PODS, policy, ['Content-Length: 5000000']), Buffer.alloc(65_536));
    const upstream = await rig.upstream.next();
    await upstream.head();
    await upstream.bytes(65_536);
    upstream.send('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig');
    expect((await client.head())[0]).toContain(' 413 ');
    expect(await client.bytes(3)).toBe('big');
  });

  test.each([
    ['a byte above ASCII', 'Warning: 299 - "a\xffb"', ' 200 '],
    ['a control byte', 'Warning: 299 - "a\x01b"', ' 502 '],
    ['a long line', `X-Long: ${'x'.repeat(20_000)}`, ' 200 '],
  ])(
    '%s in an answer does no harm, and the next request is answered (B089)',
    async (_name, line, answered) => {
      const rig = await startRig();
      const client = await rig.client();
      client.send(ask('GET', PODS, policy));
      const upstream = await rig.upstream.next();
      await upstream.head();
      upstream.send(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`);
      expect((await client.head())[0]).toContain(answered);
      const other = await rig.client();
      other.send(ask('GET', PODS, policy));
      const next = answered === ' 200 ' ? upstream : await rig.upstream.next();
      await next.head();
      next.send(OK);
      expect((await other.head())[0]).toBe('HTTP/1.1 200 OK');
    },
  );

  test.each([401, 404, 409, 413, 429, 500, 503])('%s comes as it is', async status => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(ask('GET', PODS, policy));
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send(
      `HTTP/1.1 ${status} Said So\r\nRetry-After: 7\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\n{}`,
    );
    const head = await client.head();
    expect(head[0]).toBe(`HTTP/1.1 ${status} Said So`);
    expect(valuesIn(head, 'retry-after')).toEqual(['7']);
    expect(valuesIn(head, 'x-a')).toEqual(['1', '2']);
    expect(await client.bytes(2)).toBe('{}');
  });
});
