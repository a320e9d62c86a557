import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCertificateListener, parseAuthorities } from '../../../src/identity/certificate-authority.ts';
import { clientCertificateSource } from '../../../src/identity/client-certificate.ts';
import { DEFAULT_IDENTITY_HEADERS, requestHeaderSource } from '../../../src/identity/request-header.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { authority } from './clients.ts';
import type { TlsListener } from './tls-listener.ts';
import { tlsListener } from './tls-listener.ts';

const fronts = await authority('fronts');
const people = await authority('people');
const front = await fronts.issue({ CN: 'front-proxy', O: undefined });
const other = await fronts.issue({ CN: 'other', O: undefined });
const expired = await fronts.issue(
  { CN: 'front-proxy', O: undefined },
  { from: new Date(Date.now() - 7_200_000), to: new Date(Date.now() - 3_600_000) },
);
const eve = await people.issue({ CN: 'eve', O: undefined });
const posing = await people.issue({ CN: 'front-proxy', O: undefined });

function source(headers = DEFAULT_IDENTITY_HEADERS) {
  const authorities = parseAuthorities(fronts.caPem);
  return requestHeaderSource({
    authorities: () => authorities,
    allowedNames: ['aggregator', 'front-proxy'],
    headers,
    grants: [
      {
        subjects: [{ user: 'ann' }],
        rule: { origin: 'grants[0]', impersonateGroups: [], recorderAddrs: [], enforceRecorder: true },
      },
    ],
    clock: Date,
  });
}

let listener: TlsListener;
beforeAll(async () => {
  const authorities = parseAuthorities(people.caPem);
  listener = await tlsListener(
    await fronts.issue({ CN: 'localhost', O: undefined }, { server: true }),
    clientCertificateListener({ authorities: [fronts.caPem, people.caPem], revocationLists: [] }),
    firstThatKnows([
      source(),
      clientCertificateSource({ authorities: () => authorities, grants: [], clock: Date }),
    ]),
  );
});
afterAll(() => listener.close());

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const ANN = ['X-Remote-User', 'ann', 'X-Remote-Group', 'dev'];

describe('identity headers of a front proxy', () => {
  test('are believed, line by line', async () => {
    const answer = await listener.ask(front, [
      ...['x-remote-user', 'ann', 'X-Remote-Group', 'dev', 'X-REMOTE-GROUP', 'ops, eu', 'X-Remote-Uid', 'u1'],
      ...['X-Remote-Extra-Team%2fName', 'a', 'X-Remote-Extra-team%2FNAME', 'b', 'X-Remote-Extra-scope', 'c'],
    ]);
    expect(answer).toMatchObject({
      user: 'ann',
      groups: ['dev', 'ops, eu'],
      uid: 'u1',
      extra: { 'team/name': ['a', 'b'], scope: ['c'] },
      source: 'requestHeader',
      rules: [{ origin: 'grants[0]' }],
    });
  });

  test('are UTF-8', async () => {
    expect(
      await listener.ask(front, ['X-Remote-User', latin1('Zoë'), 'X-Remote-Group', latin1('漢')]),
    ).toMatchObject({
      user: 'Zoë',
      groups: ['漢'],
    });
    expect(await listener.ask(front, ['X-Remote-User', '\xff'])).toMatchObject({ code: 'KW_BAD_REQUEST' });
  });

  test.each([
    ['nobody in particular', undefined, 'KW_UNAUTHENTICATED'],
    ['a name that is not allowed', other, 'KW_UNAUTHENTICATED'],
    ['an allowed name from another authority', posing, undefined],
    ['a certificate that is over', expired, 'KW_UNAUTHENTICATED'],
  ])('are air when sent by %s', async (_name, client, code) => {
    const answer = await listener.ask(client, ANN);
    expect(answer.user).not.toBe('ann');
    if (code !== undefined) expect(answer.code).toBe(code);
  });

  test('make nobody of a caller with a certificate of their own into another', async () => {
    expect(await listener.ask(eve, ANN)).toMatchObject({ user: 'eve', groups: [] });
  });

  test('name nobody: then the front proxy itself is nobody either', async () => {
    for (const headers of [[], ['X-Remote-User', ''], ['X-Remote-Group', 'system:masters']]) {
      expect(await listener.ask(front, headers)).toMatchObject({ code: 'KW_UNAUTHENTICATED' });
    }
  });

  test.each([
    ['two users', ['X-Remote-User', 'ann', 'X-Remote-User', 'bob'], 'KW_BAD_REQUEST'],
    ['a key that is not encoded', [...ANN, 'X-Remote-Extra-%zz', 'a'], 'KW_BAD_REQUEST'],
    ['an empty key', [...ANN, 'X-Remote-Extra-', 'a'], 'KW_FORBIDDEN'],
    ['an empty group', [...ANN, 'X-Remote-Group', ''], 'KW_FORBIDDEN'],
    ['an alias of the name', ['X_Remote_User', 'ann'], 'KW_UNAUTHENTICATED'],
  ])('are refused with %s', async (_name, headers, code) => {
    expect(await listener.ask(front, headers)).toMatchObject({ code });
  });

  test('go by other names where the configuration says so', async () => {
    const renamed = source({ user: 'X-User', group: 'X-Groups', uid: 'X-Id', extraPrefix: 'X-More-' });
    const own = await tlsListener(
      await fronts.issue({ CN: 'localhost', O: undefined }, { server: true }),
      clientCertificateListener({ authorities: [fronts.caPem], revocationLists: [] }),
      firstThatKnows([renamed]),
    );
    const headers = [
      'X-User',
      'ann',
      'X-Groups',
      'dev',
      'X-Id',
      'u',
      'X-More-a',
      'b',
      'X-Remote-Group',
      'no',
    ];
    expect(await own.ask(front, headers)).toMatchObject({
      user: 'ann',
      groups: ['dev'],
      uid: 'u',
      extra: { a: ['b'] },
    });
    expect(await own.ask(front, ANN)).toMatchObject({ code: 'KW_UNAUTHENTICATED' });
    await own.close();
  });
});
