import { describe, expect, test } from 'vitest';
import { ApiFailure } from '../../../src/sandbox/failure.ts';
import { identify } from '../../../src/sandbox/identity.ts';
import { parseTarget, Query } from '../../../src/sandbox/request-target.ts';
import { resourcePath } from '../../../src/sandbox/resources.ts';
import { fieldSelector, labelSelector } from '../../../src/sandbox/selector.ts';

/** `namespace/name/subresource` of the pods path that a target leads to. */
function routed(raw: string): string | undefined {
  const segments = parseTarget(raw)?.segments ?? [];
  const path = segments[0] === 'api' && segments[1] === 'v1' ? resourcePath(segments.slice(2)) : undefined;
  if (path?.resource.name !== 'pods') return undefined;
  return [path.namespace, path.name, path.subresource].join('/');
}

describe('request targets are read as Go and go-restful read them', () => {
  test.each([
    ['/api/v1/namespaces/n/pods/p/exec'],
    ['/api/v1/namespaces/n/pods/p/exec/'],
    ['/api/v1/namespaces/n/pods/p/exec///'],
    ['/api/v1/namespaces/n/pods/p/exec?'],
    ['/api/v1/namespaces/n/pods/p/exec%2F'],
    ['/api/v1/namespaces/n/pods/p/%65xec'],
    ['/%61pi/v1/namespaces/n/pods/p/exec'],
    ['/api%2Fv1%2Fnamespaces%2Fn%2Fpods%2Fp%2Fexec'],
    ['/api/v1/namespaces/n/pods/p%2Fexec'],
    ['https://anything/api/v1/namespaces/n/pods/p/exec'],
  ])('%s is exec', raw => {
    expect(routed(raw)).toBe('n/p/exec');
  });

  test.each([
    ['//api/v1/namespaces/n/pods/p/exec'],
    ['/api//v1/namespaces/n/pods/p/exec'],
    ['/api/v1//namespaces/n/pods/p/exec'],
    ['/api/v1/namespaces/n/pods/p//exec'],
    ['/api/v1/./namespaces/n/pods/p/exec'],
    ['/api/v1/x/../namespaces/n/pods/p/exec'],
    ['/API/v1/namespaces/n/pods/p/exec'],
    ['/api/v1/namespaces/n/pods/p/exec/extra'],
    ['/api/v1/namespaces/n/pods/p/x/../exec'],
    ['api/v1/namespaces/n/pods/p/exec'],
    ['/api/v1/namespaces/n/pods/p/%zzexec'],
  ])('%s is not', raw => {
    expect(routed(raw)).not.toBe('n/p/exec');
  });

  test.each([
    ['command=sh&command=-c&command=a%23b+c', 'command', ['sh', '-c', 'a#b c']],
    ['command=a;b&command=c', 'command', ['c']],
    ['command=%zz&command=c', 'command', ['c']],
    ['command=&command', 'command', ['', '']],
    ['command=%E6%BC%A2', 'command', ['漢']],
  ])('query %s', (raw, name, expected) => {
    expect(new Query(raw).all(name)).toEqual(expected);
  });

  test.each([
    ['', false],
    ['tty=0', false],
    ['tty=False', false],
    ['tty=true', true],
    ['tty=1', true],
    ['tty=', true],
    ['tty=no', true],
    ['tty=0&tty=1', false],
    ['TTY=1', false],
  ])('boolean in "%s" is %s', (raw, expected) => {
    expect(new Query(raw).flag('tty')).toBe(expected);
  });
});

describe('identity', () => {
  const bearer = ['Authorization', 'Bearer secret'];

  test.each([
    ['nobody', []],
    ['another token', ['Authorization', 'Bearer other']],
    ['another scheme', ['Authorization', 'Basic secret']],
    ['the right token in the second line', ['Authorization', 'Bearer other', ...bearer]],
  ])('%s is not authenticated', (_, headers) => {
    expect(() => identify(headers, 'secret')).toThrow(expect.objectContaining({ code: 401 }));
  });

  test.each([
    [
      'the account itself',
      [],
      'system:serviceaccount:kubewitness:proxy',
      ['system:serviceaccounts', 'system:serviceaccounts:kubewitness', 'system:authenticated'],
    ],
    [
      'an empty user is no impersonation',
      ['Impersonate-User', ''],
      'system:serviceaccount:kubewitness:proxy',
      ['system:serviceaccounts', 'system:serviceaccounts:kubewitness', 'system:authenticated'],
    ],
    [
      'a user with groups',
      ['impersonate-user', 'alice', 'Impersonate-Group', 'a, b', 'Impersonate-Group', 'c'],
      'alice',
      ['a, b', 'c', 'system:authenticated'],
    ],
    [
      'the first user counts',
      ['Impersonate-User', 'alice', 'Impersonate-User', 'bob'],
      'alice',
      ['system:authenticated'],
    ],
    ['anonymous', ['Impersonate-User', 'system:anonymous'], 'system:anonymous', ['system:unauthenticated']],
    [
      'a service account',
      ['Impersonate-User', 'system:serviceaccount:ns:sa'],
      'system:serviceaccount:ns:sa',
      ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
    ],
    [
      'UTF-8 read as latin1',
      ['Impersonate-User', Buffer.from('Zoë').toString('latin1')],
      'Zoë',
      ['system:authenticated'],
    ],
  ])('%s', (_, headers, user, groups) => {
    expect(identify([...bearer, ...headers], 'secret')).toMatchObject({ user, groups });
  });

  test('uid and extra', () => {
    const headers = [
      'Impersonate-User',
      'a',
      'Impersonate-Uid',
      '7',
      'Impersonate-Extra-Acme.com%2fTeam',
      'x',
      'Impersonate-Extra-acme.com%2Fteam',
      'y',
    ];
    expect(identify([...bearer, ...headers], 'secret')).toMatchObject({
      uid: '7',
      extra: { 'acme.com/team': ['x', 'y'] },
    });
  });

  test.each(['Impersonate-Group', 'Impersonate-Uid', 'Impersonate-Extra-k'])(
    '%s without a user is refused',
    name => {
      expect(() => identify([...bearer, name, 'x'], 'secret')).toThrow(
        expect.objectContaining({ code: 400 }),
      );
    },
  );
});

describe('selectors', () => {
  const object = {
    metadata: { name: 'a', labels: { app: 'web', tier: 'front' } },
    status: { phase: 'Running' },
  };

  test.each([
    ['', true],
    ['app', true],
    ['!app', false],
    ['app=web', true],
    ['app==web,tier=front', true],
    ['app!=web', false],
    ['none!=x', true],
    ['app in (web, db)', true],
    ['app notin (web,db),tier', false],
  ])('labels %s', (text, expected) => {
    expect(labelSelector(text)(object)).toBe(expected);
  });

  test.each([
    ['metadata.name=a', true],
    ['metadata.name=b', false],
    ['metadata.name!=b,status.phase=Running', true],
  ])('fields %s', (text, expected) => {
    expect(fieldSelector(text)(object)).toBe(expected);
  });

  test('unknown fields are refused', () => {
    expect(() => fieldSelector('spec.secret=x')).toThrow(ApiFailure);
    expect(() => labelSelector('a b c')).toThrow(ApiFailure);
  });
});
