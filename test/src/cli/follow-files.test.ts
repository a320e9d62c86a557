import { beforeAll, describe, expect, test } from 'vitest';
import { LOOK_EVERY_MS, SETTLE_MS } from '../../../src/cli/file-watch.ts';
import { followFiles } from '../../../src/cli/follow-files.ts';
import type { KeyPair } from '../../../src/cli/key-pair.ts';
import { checkedPair } from '../../../src/cli/key-pair.ts';
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
function following(first: KeyPair | Error) {
  const now = { files: first };
  const taken: KeyPair[] = [];
  const refused: string[] = [];
  let timer: { ms: number; then: () => void } | undefined;
  const files = followFiles({
    make: read => checkedPair({ cert: read('cert'), key: read('key') }),
    read: name => {
      if (now.files instanceof Error) throw now.files;
      return name === 'cert' ? now.files.cert : now.files.key;
    },
    after: (ms, then) => {
      const mine = { ms, then };
      timer = mine;
      return () => {
        if (timer === mine) timer = undefined;
      };
    },
    taken: pair => taken.push(pair),
    refused: (_files, problems) => refused.push(...problems),
  });
  const look = () => {
    const due = timer;
    timer = undefined;
    due?.then();
  };
  return {
    files,
    now,
    taken,
    refused,
    waits: () => timer?.ms,
    /** A look, and the one that agrees with it. */
    settle: () => {
      look();
      if (timer?.ms === SETTLE_MS) look();
    },
  };
}

describe('a pair of files', () => {
  test('is taken once when it is new', () => {
    const { files, now, taken, refused, settle, waits } = following(one);
    expect(files.made()).toEqual(one);
    settle();
    expect(taken).toEqual([]);
    now.files = two;
    settle();
    settle();
    expect(taken).toEqual([two]);
    expect(files.made()).toEqual(two);
    expect(refused).toEqual([]);
    expect(waits()).toBe(LOOK_EVERY_MS);
  });

  test('of which only half is there is not taken, told once, and mended by the other half', () => {
    const { now, taken, refused, settle } = following(one);
    now.files = { cert: two.cert, key: one.key };
    settle();
    settle();
    expect(taken).toEqual([]);
    expect(refused).toEqual(["the listener's key is not that of its certificate"]);
    now.files = two;
    settle();
    expect(taken).toEqual([two]);
  });

  test('that is gone or no PEM is told once each, and the next good one is taken', () => {
    const { files, now, taken, refused, settle } = following(one);
    now.files = new Error('no such file');
    settle();
    settle();
    now.files = { cert: 'junk', key: 'junk' };
    settle();
    settle();
    expect(refused).toEqual(['no such file', expect.stringContaining('not PEM that can be read')]);
    now.files = two;
    settle();
    expect(taken).toEqual([two]);
    files.close();
  });

  test('is told again, and taken at once, when somebody asks', () => {
    const { files, now, taken, refused } = following(one);
    now.files = new Error('no such file');
    files.now();
    files.now();
    expect(refused).toEqual(['no such file', 'no such file']);
    now.files = two;
    files.now();
    expect(taken).toEqual([two]);
  });

  test('is looked at no more when closed', () => {
    const { files, waits } = following(one);
    files.close();
    expect(waits()).toBeUndefined();
  });

  test('must be good at the start', () => {
    expect(() => following(new Error('no such file'))).toThrow('no such file');
    expect(() => following({ cert: one.cert, key: two.key })).toThrow('not that of its certificate');
    expect(() => following({ cert: 'junk', key: one.key })).toThrow('not PEM');
  });
});
