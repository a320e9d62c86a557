import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import {
  clientCertificateListener,
  isIssuedBy,
  parseAuthorities,
} from '../../../src/identity/certificate-authority.ts';
import { callerOfCertificate, clientCertificateSource } from '../../../src/identity/client-certificate.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { authority, fixture, issuedBy } from './clients.ts';
import type { TlsListener } from './tls-listener.ts';
import { tlsListener } from './tls-listener.ts';

const ours = await authority('ours');
const theirs = await authority('theirs');
const server = await ours.issue({ CN: 'localhost', O: undefined }, { server: true });
const ann = await ours.issue({ CN: 'ann', O: 'dev' });
const HOUR = 3_600_000;

let listener: TlsListener | undefined;
afterEach(() => listener?.close());

async function listening(options: {
  readonly ca?: string;
  /** What the listener trusts besides. */
  readonly alsoTrusted?: string;
  readonly crl?: string;
  readonly now?: () => number;
}): Promise<TlsListener> {
  const { ca = ours.caPem, alsoTrusted, crl, now = Date.now } = options;
  const authorities = parseAuthorities(ca);
  const source = clientCertificateSource({
    authorities: () => authorities,
    grants: [
      {
        subjects: [{ group: 'dev' }],
        rule: { origin: 'grants[0]', impersonateGroups: ['app'], recorderAddrs: [], enforceRecorder: true },
      },
    ],
    clock: { now },
  });
  const options_ = clientCertificateListener({
    authorities: [ca, ...(alsoTrusted === undefined ? [] : [alsoTrusted])],
    revocationLists: crl === undefined ? [] : [crl],
  });
  listener = await tlsListener(server, options_, firstThatKnows([source]));
  return listener;
}

describe('a client certificate', () => {
  test('names the user and the groups, and its rules hold', async () => {
    const { ask } = await listening({});
    expect(await ask(ann)).toMatchObject({
      user: 'ann',
      groups: ['dev', 'app'],
      source: 'clientCertificate',
      rules: [{ origin: 'grants[0]' }],
    });
  });

  test('need not be shown, and then nobody is known', async () => {
    const { ask } = await listening({});
    expect(await ask()).toMatchObject({
      code: 'KW_UNAUTHENTICATED',
      message: 'no client certificate was shown',
    });
  });

  test('of another authority counts for nothing', async () => {
    const { ask } = await listening({});
    const mallory = await theirs.issue({ CN: 'ann', O: 'dev' });
    expect(await ask(mallory)).toMatchObject({
      code: 'KW_UNAUTHENTICATED',
      message: expect.stringContaining('counts for nothing'),
    });
  });

  test('of an authority that the listener trusts for another source counts for nothing either', async () => {
    const { ask } = await listening({ alsoTrusted: theirs.caPem });
    const front = await theirs.issue({ CN: 'ann', O: 'dev' });
    expect(await ask(front)).toMatchObject({ message: expect.stringContaining('counts for nothing') });
  });

  test('of an authority of the same name and another key counts for nothing', async () => {
    const impostor = await authority('ours');
    const { ask } = await listening({ alsoTrusted: impostor.caPem });
    const forged = await impostor.issue({ CN: 'ann', O: 'dev' });
    expect(await ask(forged)).toMatchObject({ code: 'KW_UNAUTHENTICATED' });
  });

  test.each([
    [
      'is over',
      { from: new Date(Date.now() - 2 * HOUR), to: new Date(Date.now() - HOUR) },
      'CERT_HAS_EXPIRED',
    ],
    ['has not begun', { from: new Date(Date.now() + HOUR) }, 'CERT_NOT_YET_VALID'],
    ['is for servers', { server: true }, 'INVALID_PURPOSE'],
  ])('that %s is refused', async (_name, options, flaw) => {
    const { ask } = await listening({});
    const client = await ours.issue({ CN: 'ann', O: 'dev' }, options);
    expect(await ask(client)).toMatchObject({
      code: 'KW_UNAUTHENTICATED',
      message: expect.stringContaining(flaw),
    });
  });

  test('that ends while its connection goes on is refused from then on', async () => {
    let now = Date.now();
    const { ask } = await listening({ now: () => now });
    const client = await ours.issue({ CN: 'ann', O: 'dev' }, { to: new Date(Date.now() + HOUR) });
    expect(await ask(client)).toMatchObject({ user: 'ann' });
    now += 2 * HOUR;
    expect(await ask(client)).toMatchObject({ message: expect.stringContaining('CERT_HAS_EXPIRED') });
  });
});

describe('a revocation list', () => {
  const good = { cert: fixture('good.pem'), key: fixture('good.key') };
  const revoked = { cert: fixture('revoked.pem'), key: fixture('revoked.key') };
  const ca = fixture('ca.pem');

  test('stops the certificates on it, and no others', async () => {
    const { ask } = await listening({ ca, crl: fixture('list.crl') });
    expect(await ask(good)).toMatchObject({ user: 'ann', groups: ['dev', 'ops, eu', 'app'] });
    expect(await ask(revoked)).toMatchObject({
      code: 'KW_UNAUTHENTICATED',
      message: expect.stringContaining('CERT_REVOKED'),
    });
  });

  test('that is out of date stops all of them', async () => {
    const { ask } = await listening({ ca, crl: fixture('outdated.crl') });
    expect(await ask(good)).toMatchObject({ message: expect.stringContaining('CRL_HAS_EXPIRED') });
  });

  test('stops the certificates of authorities that have none', async () => {
    const both = `${ca}${ours.caPem}`;
    const { ask } = await listening({ ca: both, crl: fixture('list.crl') });
    expect(await ask(ann)).toMatchObject({ message: expect.stringContaining('UNABLE_TO_GET_CRL') });
  });

  test('that is none is refused at the start', () => {
    const bad = { authorities: [ca], revocationLists: [ca] };
    expect(() => clientCertificateListener(bad)).toThrow(RangeError);
  });

  test('of several in one file, each counts', () => {
    const list = fixture('list.crl');
    const { crl } = clientCertificateListener({
      authorities: [ca],
      revocationLists: [`${list}\n${list}`, list],
    });
    expect(crl).toHaveLength(3);
  });
});

describe('a resumed TLS session', () => {
  test('without a certificate is nobody, although TLS calls it authorized', async () => {
    const authorities = parseAuthorities(ours.caPem);
    const source = clientCertificateSource({ authorities: () => authorities, grants: [], clock: Date });
    const trusting = clientCertificateListener({ authorities: [ours.caPem], revocationLists: [] });
    listener = await tlsListener(server, { ...trusting, secureOptions: 0 }, firstThatKnows([source]));
    const session = await listener.sessionOf();
    expect(await listener.ask({}, [], session)).toMatchObject({ code: 'KW_UNAUTHENTICATED' });
    expect(listener.resumed).toBe(true);
  });

  test('is not to be had: a revocation must not be outlived', async () => {
    const held = await listening({});
    await held.ask(ann, [], await held.sessionOf(ann));
    expect(held.resumed).toBe(false);
  });
});

/** Every TLS 1.2 client may ask for a second handshake, with another certificate, on the connection that it has. */
test('the certificate of a connection cannot be exchanged for one that would be refused', async () => {
  const { port, ask } = await listening({});
  const root = await ours.issue({ CN: 'root', O: 'masters' }, { server: true });
  expect(await ask(root)).toMatchObject({ code: 'KW_UNAUTHENTICATED' });
  const client = connect({ port, ...ann, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  await once(client, 'secureConnect');
  client.setKeyCert({ key: root.key, cert: root.cert });
  const again = new Promise<string>(resolve => {
    client.on('error', () => resolve('refused'));
    client.renegotiate({}, error => resolve(error === null ? 'shaken again' : 'refused'));
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  });
  expect(await again).toBe('refused');
  client.destroy();
});

describe('the subject of a certificate', () => {
  const of = (name: string) => callerOfCertificate(new X509Certificate(fixture(name)), []);

  test('is taken as it is, whatever it holds', () => {
    expect(of('odd-comma.pem')).toMatchObject({ user: 'Zoë, "the\\\\ one"', groups: ['a, b+c'] });
    expect(of('odd-joined.pem')).toMatchObject({ user: 'ann', groups: ['dev', 'ops'] });
  });

  test.each([
    ['two names', 'odd-two-names.pem', 'KW_UNAUTHENTICATED'],
    ['no name', 'odd-no-name.pem', 'KW_UNAUTHENTICATED'],
    ['a blank at the end', 'odd-blank.pem', 'KW_FORBIDDEN'],
    ['a line break', 'odd-newline.pem', 'KW_FORBIDDEN'],
  ])('with %s is refused', (_name, file, code) => {
    expect(() => of(file)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a file of authorities', () => {
  test('holds any number of them', () => {
    expect(parseAuthorities(`# ours\n${ours.caPem}\n${theirs.caPem}`)).toHaveLength(2);
  });

  test.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    '%j is refused',
    pem => {
      expect(() => parseAuthorities(pem)).toThrow(RangeError);
    },
  );

  test('vouches by signature, not by name', async () => {
    const impostor = await authority('ours');
    const forged = new X509Certificate((await impostor.issue({ CN: 'ann', O: 'dev' })).cert);
    expect(isIssuedBy(forged, parseAuthorities(impostor.caPem))).toBe(true);
    expect(isIssuedBy(forged, parseAuthorities(ours.caPem))).toBe(false);
  });

  test('vouches for nobody by a certificate that is no authority', async () => {
    const signed = await issuedBy(ann, { CN: 'eve', O: undefined });
    expect(new X509Certificate(signed.cert).checkIssued(new X509Certificate(ann.cert))).toBe(true);
    expect(isIssuedBy(new X509Certificate(signed.cert), parseAuthorities(ann.cert))).toBe(false);
  });
});
