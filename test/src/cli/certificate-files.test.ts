import { beforeAll, describe, expect, test } from 'vitest';
import type { KeyPair } from '../../../src/cli/certificate-files.ts';
import { CertificateFiles, LOOK_EVERY_MS } from '../../../src/cli/certificate-files.ts';
import { createCertificates } from '../../../src/sandbox/certificate.ts';

let one: KeyPair;
let two: KeyPair;

beforeAll(async () => {
  [one, two] = await Promise.all([newPair(), newPair()]);
});

async function newPair(): Promise<KeyPair> {
  const { certPem: cert, keyPem: key } = await createCertificates(['localhost'], []);
  return { cert, key };
}

/** Files and timer are the test's. */
function watching(first: KeyPair | Error) {
  const now = { files: first };
  const taken: KeyPair[] = [];
  const failures: string[] = [];
  let timer: { ms: number; then: () => void } | undefined;
  const files = new CertificateFiles({
    read: () => {
      if (now.files instanceof Error) throw now.files;
      return now.files;
    },
    after: (ms, then) => {
      const mine = { ms, then };
      timer = mine;
      return () => {
        if (timer === mine) timer = undefined;
      };
    },
    changed: pair => taken.push(pair),
    failed: error => failures.push(error instanceof Error ? error.message : String(error)),
  });
  return {
    files,
    now,
    taken,
    failures,
    waits: () => timer?.ms,
    look: () => {
      const due = timer;
      timer = undefined;
      due?.then();
    },
  };
}

describe('files of a certificate', () => {
  test('a new pair is taken once, and looked for again after a minute', () => {
    const { files, now, taken, failures, look, waits } = watching(one);
    expect(files.first).toEqual(one);
    look();
    expect(taken).toEqual([]);
    now.files = two;
    look();
    look();
    expect(taken).toEqual([two]);
    expect(failures).toEqual([]);
    expect(waits()).toBe(LOOK_EVERY_MS);
  });

  test('half a replacement is not taken, told once, and mended by the other half', () => {
    const { now, taken, failures, look } = watching(one);
    now.files = { cert: two.cert, key: one.key };
    look();
    look();
    expect(taken).toEqual([]);
    expect(failures).toEqual(["the listener's key is not that of its certificate"]);
    now.files = two;
    look();
    expect(taken).toEqual([two]);
  });

  test('files that are gone or no PEM are told once each, and the next good pair is taken', () => {
    const { now, taken, failures, look } = watching(one);
    now.files = new Error('no such file');
    look();
    look();
    now.files = { cert: 'junk', key: 'junk' };
    look();
    look();
    expect(failures).toEqual(['no such file', expect.stringContaining('not PEM that can be read')]);
    now.files = two;
    look();
    expect(taken).toEqual([two]);
  });

  test('the old pair back after a failure is taken again, which does no harm', () => {
    const { now, taken, look } = watching(one);
    now.files = new Error('no such file');
    look();
    now.files = one;
    look();
    expect(taken).toEqual([one]);
  });

  test('closed, it looks no more', () => {
    const { files, waits } = watching(one);
    files.close();
    expect(waits()).toBeUndefined();
  });

  test('at the start there must be a good pair', () => {
    expect(() => watching(new Error('no such file'))).toThrow('no such file');
    expect(() => watching({ cert: one.cert, key: two.key })).toThrow('not that of its certificate');
    expect(() => watching({ cert: 'junk', key: one.key })).toThrow('not PEM');
  });
});
