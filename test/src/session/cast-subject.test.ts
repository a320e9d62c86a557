import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/policy/caller.ts';
import { castSubject } from '../../../src/session/cast-subject.ts';
import type { SessionRequest } from '../../../src/session/request.ts';

const caller: Caller = { user: 'ann', groups: ['dev'], source: 'static', rules: [] };
const request = (who: Caller): SessionRequest => ({
  type: 'exec',
  method: 'GET',
  path: '/api/v1/namespaces/ns/pods/p/exec',
  namespace: 'ns',
  pod: 'p',
  exec: {
    command: ['sh'],
    others: [],
    streams: { stdin: true, stdout: true, stderr: true, tty: false },
  },
  upgrade: { transport: 'spdy', offered: ['v4.channel.k8s.io'] },
  rawHeaders: [],
  remoteAddress: '192.0.2.1',
  userAgent: undefined,
  caller: who,
});
const source = (who: Caller) => {
  const { srcNode, srcNodeID, srcNodeTags, srcNodeUserID, srcNodeUser } = castSubject(
    'id',
    request(who),
    { transport: 'spdy', subprotocol: 'v4.channel.k8s.io' },
    'kubernetes',
  );
  return { srcNode, srcNodeID, srcNodeTags, srcNodeUserID, srcNodeUser };
};

describe('where a session came from, in the header of its cast', () => {
  test('a device of a person', () => {
    const device = { node: 'laptop.ts.net', nodeId: 'n1', tags: [], userId: 7, userName: 'ann@corp.com' };
    expect(source({ ...caller, device })).toEqual({
      srcNode: 'laptop.ts.net',
      srcNodeID: 'n1',
      srcNodeUserID: 7,
      srcNodeUser: 'ann@corp.com',
    });
  });

  test('a tagged device has no user', () => {
    const device = { node: 'runner.ts.net', nodeId: 'n2', tags: ['tag:ci'] };
    expect(source({ ...caller, device })).toEqual({
      srcNode: 'runner.ts.net',
      srcNodeID: 'n2',
      srcNodeTags: ['tag:ci'],
    });
  });

  test('without a tailnet the address stands in', () => {
    expect(source(caller)).toEqual({ srcNode: '192.0.2.1', srcNodeID: '', srcNodeUser: 'ann' });
  });
});
