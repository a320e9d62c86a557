import { beforeAll, describe, expect, test } from 'vitest';
import { LiveFiles } from '../../../src/cli/live-files.ts';
import { policyOf } from '../../../src/cli/policy.ts';
import { TailscaleWatches } from '../../../src/cli/tailscale-watches.ts';
import { systemClock } from '../../../src/clock.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { silentLogger } from '../../../src/log.ts';
import { authority, fixture } from '../identity/clients.ts';
import { plainUpstream } from '../upstream/plain-upstream.ts';

const config = parseConfig(
  JSON.stringify({
    listen: { tls: { cert: 'a.crt', key: 'a.key' } },
    upstream: { kubeconfig: 'up' },
    identity: {
      clientCertificate: { ca: 'people.pem', crl: 'people.crl' },
      requestHeader: { ca: 'front.pem', crl: 'people.crl', allowedNames: ['front'] },
      static: [
        { user: 'ann', tokenFile: 'ann.token' },
        { user: 'bob', tokenFile: 'bob.token' },
      ],
    },
    recording: { tls: { ca: 'recorders.pem', cert: 'own.crt', key: 'own.key', tokenFile: 'recorder.token' } },
    audit: { file: 'audit.jsonl' },
  }),
  'c.yaml',
);

let files: Map<string, string>;
let other: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  const proxies = await authority('proxies');
  const own = await proxies.issue({ CN: 'proxy', O: undefined });
  other = await proxies.issue({ CN: 'proxy', O: undefined });
  files = new Map([
    ['people.pem', fixture('ca.pem')],
    ['people.crl', fixture('list.crl')],
    ['front.pem', proxies.caPem],
    ['ann.token', 'hush-ann\n'],
    ['bob.token', 'hush-bob\n'],
    ['recorders.pem', proxies.caPem],
    ['own.crt', own.cert],
    ['own.key', own.key],
    ['recorder.token', 'hush-recorder\n'],
  ]);
});

function policy(changes: ReadonlyMap<string, string> = new Map()) {
  const read = (name: string): string => changes.get(name) ?? files.get(name) ?? '';
  const common = { clock: systemClock, log: silentLogger };
  const parts = { ...common, upstream: plainUpstream(1), watches: new TailscaleWatches(common) };
  return new LiveFiles(readText => policyOf(config, { ...parts, readText }), read);
}

describe('what a configuration and its files say', () => {
  test('is made of all the files that it names, so that each is read again', () => {
    expect([...policy().texts.keys()].toSorted()).toEqual([...files.keys()].toSorted());
  });

  test.each([
    ['people.pem', 'junk', 'cannot use people.pem: it holds no certificate'],
    ['front.pem', 'junk', 'cannot use front.pem: it holds no certificate'],
    ['people.crl', 'junk', 'cannot use people.crl: it holds no certificate revocation list'],
    ['recorders.pem', 'junk', 'cannot use recorders.pem: it holds no certificate'],
    ['own.key', 'junk', 'recording.tls cannot be used in TLS'],
    ['bob.token', 'hush-ann', 'the users ann and bob have the same token'],
  ])('%s that holds %s is refused, without a word of any secret', (name, text, words) => {
    const made = () => policy(new Map([[name, text]]));
    expect(made).toThrow(words);
    expect(made).not.toThrow(/hush/);
  });

  test('a certificate towards recorders without its key is refused until the key is there', () => {
    const live = policy();
    const seen = (key: string) =>
      new Map(
        [...files, ['own.crt', other.cert] as const, ['own.key', key] as const].map(([name, text]) => [
          name,
          { text },
        ]),
      );
    const half = live.take(seen(files.get('own.key') ?? ''));
    expect([half.taken, [...half.refused.keys()]]).toEqual([[], ['own.crt']]);
    expect(live.take(seen(other.key)).taken).toEqual(['own.crt', 'own.key']);
    expect(live.made.access?.tls?.cert).toBe(other.cert);
  });
});
