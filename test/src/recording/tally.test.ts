import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Tally } from '../../../src/recording/tally.ts';

/** SHA-256 of nothing (FIPS 180-4). */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a tally counts and hashes raw bytes per stream, and can be read on the way', () => {
  const tally = new Tally();
  expect(tally.read()).toEqual({ stdout: { bytes: 0, sha256: EMPTY }, stderr: { bytes: 0, sha256: EMPTY } });
  tally.count('stdout', Buffer.from('a'));
  expect(tally.read().stdout.bytes).toBe(1);
  tally.count('stdout', Buffer.from('bc'));
  tally.count('stdout', Buffer.alloc(0));
  // NIST's example for "abc".
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(tally.read()).toEqual({ stdout: { bytes: 3, sha256: abc }, stderr: { bytes: 0, sha256: EMPTY } });
  tally.count('stderr', Buffer.of(0xff));
  expect(tally.read().stderr).toEqual({
    bytes: 1,
    sha256: createHash('sha256').update(Buffer.of(0xff)).digest('hex'),
  });
});
