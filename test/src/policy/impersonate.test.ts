import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/policy/caller.ts';
import { SESSION_MARKER, upgradeHeaders, upstreamHeaders } from '../../../src/policy/impersonate.ts';

const ann: Caller = { user: 'ann', groups: ['dev'], source: 'static', rules: [] };

function linesOf(raw: readonly string[]): string[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${raw[at + 1]}`] : []));
}

const forbidden = expect.objectContaining({ code: 'KW_FORBIDDEN' });

describe('headers towards the API server', () => {
  test('allowed ones come as they were sent, then ours, identity last', () => {
    const raw = [
      ...['host', 'proxy', 'user-agent', 'kubectl/v1.36', 'ACCEPT', 'a', 'Accept', 'b'],
      ...['Kubectl-Command', 'kubectl exec', 'Content-Type', 'application/json', 'X-Other', '1'],
    ];
    const options = { host: 'api:6443', authorization: 'Bearer own', auditId: 'u-1', clientAddress: '::1' };
    expect(linesOf(upstreamHeaders(raw, ann, options))).toEqual([
      'Host: api:6443',
      'user-agent: kubectl/v1.36',
      'ACCEPT: a',
      'Accept: b',
      'Kubectl-Command: kubectl exec',
      'Content-Type: application/json',
      'Authorization: Bearer own',
      'Audit-ID: u-1',
      'X-Forwarded-For: ::1',
      'Impersonate-User: ann',
      'Impersonate-Group: dev',
    ]);
  });

  test.each([
    ...[
      'Authorization',
      'Proxy-Authorization',
      'Cookie',
      'Impersonate-User',
      'Impersonate-Group',
      'impersonate-uid',
    ],
    ...[
      'Impersonate-Extra-scopes',
      'IMPERSONATE_USER',
      'Impersonate_Group',
      'X-Remote-User',
      'X_Remote_Group',
    ],
    ...[
      'X-Remote-Extra-a',
      'Connection',
      'Keep-Alive',
      'Proxy-Connection',
      'TE',
      'Trailer',
      'Transfer-Encoding',
    ],
    ...['Content-Length', 'Upgrade', 'HTTP2-Settings', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host'],
    ...[
      'X-Real-Ip',
      'Origin',
      'Host',
      'Expect',
      'Audit-ID',
      'Sec-WebSocket-Protocol',
      'X-Stream-Protocol-Version',
    ],
    ...['user_agent', 'accept_encoding'],
  ])('%s of the client stays here', name => {
    expect(linesOf(upstreamHeaders([name, 'evil', name, 'evil2'], ann))).toEqual([
      'Impersonate-User: ann',
      'Impersonate-Group: dev',
    ]);
  });

  test('Connection takes away what the client sent, and nothing of ours (B074)', () => {
    const raw = [
      ...['Connection', 'close, Impersonate-User, Impersonate-Group, Authorization', 'Connection', 'Accept'],
      ...['Accept', 'a', 'Range', 'bytes=0-'],
    ];
    expect(linesOf(upstreamHeaders(raw, ann, { authorization: 'Bearer own' }))).toEqual([
      'Range: bytes=0-',
      'Authorization: Bearer own',
      'Impersonate-User: ann',
      'Impersonate-Group: dev',
    ]);
  });

  test('an upgrade and an ordinary request carry the same identity and end-to-end headers (B079)', () => {
    const common = ['User-Agent', 'kubectl', 'Kubectl-Command', 'kubectl exec'];
    const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', 'k'];
    expect(upstreamHeaders([...common, ...upgrade], ann)).toEqual(upstreamHeaders(common, ann));
  });
});

describe('impersonation', () => {
  test('one line for each value, nothing split or joined (B077)', () => {
    const caller = {
      ...ann,
      groups: ['dev', 'ops, eu'],
      uid: 'u1',
      extra: { scopes: ['a', 'b'], note: ['c'] },
    };
    expect(linesOf(upstreamHeaders([], caller))).toEqual([
      'Impersonate-User: ann',
      'Impersonate-Group: dev',
      'Impersonate-Group: ops, eu',
      'Impersonate-Uid: u1',
      'Impersonate-Extra-scopes: a',
      'Impersonate-Extra-scopes: b',
      'Impersonate-Extra-note: c',
    ]);
  });

  test('the mark is set where it is asked for, and an identity that brings it is not heard', () => {
    const marks = (extra: Record<string, string[]>, marker?: string): string[] =>
      linesOf(upstreamHeaders([], { ...ann, extra }, marker === undefined ? {} : { marker })).filter(line =>
        line.startsWith('Impersonate-Extra-kubewitness'),
      );
    expect(marks({})).toEqual([]);
    expect(marks({}, 's-1')).toEqual(['Impersonate-Extra-kubewitness.dev%2Fsession: s-1']);
    expect(marks({ [SESSION_MARKER]: ['forged', 'twice'] })).toEqual([]);
    expect(marks({ [SESSION_MARKER]: ['forged', 'twice'] }, 's-1')).toEqual([
      'Impersonate-Extra-kubewitness.dev%2Fsession: s-1',
    ]);
  });

  test.each(['Zoë', '漢@x', '🙂', 'a b'])('%s goes out as its bytes in UTF-8 (B076)', user => {
    const value = upstreamHeaders([], { ...ann, user })[1] ?? '';
    expect(Buffer.from(value, 'latin1')).toEqual(Buffer.from(user, 'utf8'));
  });

  test.each([
    ['acme.com/project', 'acme.com%2Fproject'],
    ['50%', '50%25'],
    ['a b:c', 'a%20b%3Ac'],
    ['ä', '%C3%A4'],
    ["!#$&'*+-.^_`|~", "!#$&'*+-.^_`|~"],
  ])('the extra key %s is written %s', (key, written) => {
    expect(upstreamHeaders([], { ...ann, extra: { [key]: ['v'] } })).toContain(
      `Impersonate-Extra-${written}`,
    );
  });

  test.each([
    ['an empty user', { user: '' }],
    ['a blank user', { user: ' ' }],
    ['a padded user', { user: 'ann ' }],
    ['a user with a line of its own', { user: 'a\r\nImpersonate-Group: system:masters' }],
    ['a user with NUL', { user: 'a\0b' }],
    ['a user with a C1 control', { user: 'a\u0085b' }],
    ['a user that is half a character', { user: 'a\ud800' }],
    ['a user of 8 KB', { user: 'a'.repeat(8192) }],
    ['an empty group', { groups: ['dev', ''] }],
    ['a padded group', { groups: ['\tsystem:masters'] }],
    ['300 groups', { groups: Array.from({ length: 300 }, (_, at) => `g${at}`) }],
    ['an empty uid', { uid: '' }],
    ['a padded extra value', { extra: { a: [' v'] } }],
    ['an empty extra key', { extra: { '': ['v'] } }],
    ['an extra key in upper case', { extra: { Scopes: ['v'] } }],
    ['300 extra values', { extra: { a: Array.from({ length: 300 }, () => 'v') } }],
  ])('%s is refused (B076, B077)', (_name, part) => {
    expect(() => upstreamHeaders([], { ...ann, ...part })).toThrow(forbidden);
  });

  test('the refusal names the number of groups, and no identity', () => {
    const groups = Array.from({ length: 257 }, (_, at) => `g${at}`);
    expect(() => upstreamHeaders([], { ...ann, groups })).toThrow(/257 groups.*256/);
    expect(upstreamHeaders([], { ...ann, groups: groups.slice(1) })).toHaveLength(2 + 512);
    expect(() => upstreamHeaders([], { ...ann, user: 'secret\n' })).toThrow(/^(?!.*secret)/s);
  });
});

describe('headers towards the API server in noauth', () => {
  const lines = (...raw: string[]) =>
    linesOf(upstreamHeaders(raw, ann, { mode: 'noauth', auditId: 'u-1', authorization: 'Bearer proxy' }));

  test("the caller's own credential and impersonation go on as they came, and nothing of ours", () => {
    const theirs = [
      ...['authorization', 'Bearer own', 'Impersonate-User', 'bob', 'impersonate-group', 'ops, eu'],
      ...['Impersonate-Group', 'dev', 'Impersonate-Uid', '7', 'Impersonate-Extra-Team%2Fa', 'x'],
    ];
    expect(lines('Accept', 'a', ...theirs)).toEqual(['Accept: a', ...linesOf(theirs), 'Audit-ID: u-1']);
  });

  test('without one the request is nobody’s, never the proxy’s', () => {
    expect(lines()).toEqual(['Audit-ID: u-1']);
  });

  test('nothing that only looks like it', () => {
    const forged = ['X-Remote-User', 'Impersonate_User', 'Impersonate-', 'Impersonate-Extra-', 'Cookie'];
    expect(lines(...forged.flatMap(name => [name, 'admin']))).toEqual(['Audit-ID: u-1']);
  });

  test('Connection cannot name the impersonation away', () => {
    expect(lines('Connection', 'close, Impersonate-User', 'Impersonate-User', 'bob')).toContain(
      'Impersonate-User: bob',
    );
  });
});

describe('asking for an upgrade', () => {
  test('WebSocket: one line of each', () => {
    const offered = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
    expect(linesOf(upgradeHeaders({ transport: 'websocket', key: 'k', offered }))).toEqual([
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: k',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io',
    ]);
  });

  test('a WebSocket that names no subprotocol asks for none', () => {
    const headers = upgradeHeaders({ transport: 'websocket', key: 'k', offered: [] });
    expect(headers).not.toContain('Sec-WebSocket-Protocol');
  });

  test('SPDY: one line for each version (B002)', () => {
    const offered = ['v4.channel.k8s.io', 'channel.k8s.io'] as const;
    expect(linesOf(upgradeHeaders({ transport: 'spdy', offered }))).toEqual([
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'X-Stream-Protocol-Version: v4.channel.k8s.io',
      'X-Stream-Protocol-Version: channel.k8s.io',
    ]);
  });
});
