import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  identitySchema,
  proxyProtocolSchema,
  sourceOrder,
  tailscaleCertificateSchema,
} from '../../../src/config/identity-schema.ts';

const schema = identitySchema(z.array(z.unknown()));
const problems = (value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('identity sources in the configuration', () => {
  test('have defaults', () => {
    expect(
      schema.parse({
        tailscale: {},
        tokenReview: {},
        requestHeader: { ca: 'front.pem', allowedNames: ['front-proxy'] },
      }),
    ).toEqual({
      tailscale: { socket: '/var/run/tailscale/tailscaled.sock' },
      tokenReview: { audiences: [], keepMs: 60_000 },
      requestHeader: {
        ca: 'front.pem',
        allowedNames: ['front-proxy'],
        userHeader: 'X-Remote-User',
        groupHeader: 'X-Remote-Group',
        uidHeader: 'X-Remote-Uid',
        extraHeaderPrefix: 'X-Remote-Extra-',
      },
    });
  });

  test('are asked in the order that is written, or in a fixed one', () => {
    expect(sourceOrder(schema.parse({ static: [], tokenReview: {}, tailscale: {} }))).toEqual([
      'tailscale',
      'static',
      'tokenReview',
    ]);
    expect(sourceOrder(schema.parse({ static: [], tailscale: {}, order: ['static', 'tailscale'] }))).toEqual([
      'static',
      'tailscale',
    ]);
  });

  test.each<[string, unknown, string]>([
    ['no source', {}, ': needs one source at least'],
    ['a source that is unknown', { static: [], oidc: {} }, ': Unrecognized key: "oidc"'],
    [
      'an order that leaves one out',
      { static: [], tailscale: {}, order: ['static'] },
      'order: must name each',
    ],
    ['an order that repeats one', { static: [], order: ['static', 'static'] }, 'order: must name each'],
    ['an order of a source that is not there', { static: [], order: ['tailscale'] }, 'order: must name each'],
    [
      'nobody who may speak for others',
      { requestHeader: { ca: 'c', allowedNames: [] } },
      'requestHeader.allowedNames',
    ],
    [
      'a header that is none',
      { requestHeader: { ca: 'c', allowedNames: ['a'], userHeader: 'X User' } },
      'requestHeader.userHeader: is no name of a header',
    ],
    [
      'a revocation list for one of two authorities',
      { clientCertificate: { ca: 'a', crl: 'l' }, requestHeader: { ca: 'b', allowedNames: ['n'] } },
      'requestHeader.crl: is needed here',
    ],
    [
      'and for the other',
      { clientCertificate: { ca: 'a' }, requestHeader: { ca: 'b', allowedNames: ['n'], crl: 'l' } },
      'clientCertificate.crl: is needed here',
    ],
    ['a verdict kept for an hour', { tokenReview: { keepMs: 3_600_000 } }, 'tokenReview.keepMs'],
  ])('%s is a problem', (_name, value, expected) => {
    expect(problems(value)).toEqual([expect.stringContaining(expected)]);
  });

  test('a revocation list for both, or for the only one, is none', () => {
    const client = { ca: 'a', crl: 'l' };
    expect(problems({ clientCertificate: client })).toEqual([]);
    expect(
      problems({ clientCertificate: client, requestHeader: { ...client, allowedNames: ['n'] } }),
    ).toEqual([]);
  });

  test('make a JSON Schema', () => {
    expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({ type: 'object' });
  });
});

describe('other pieces', () => {
  test('trusted senders of PROXY headers are addresses or networks', () => {
    expect(proxyProtocolSchema.safeParse({ trusted: ['127.0.0.1', '10.0.0.0/8', '::1'] }).success).toBe(true);
    expect(proxyProtocolSchema.safeParse({ trusted: ['localhost'] }).error?.issues[0]?.message).toContain(
      'localhost is neither an address',
    );
    expect(proxyProtocolSchema.safeParse({ trusted: [] }).success).toBe(false);
  });

  test('the certificate of the node', () => {
    expect(tailscaleCertificateSchema.parse({ domain: 'kube.tail1234.ts.net' })).toHaveProperty('socket');
  });
});
