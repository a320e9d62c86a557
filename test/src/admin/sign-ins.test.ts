import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SIGN_IN_MS, SignIns } from '../../../src/admin/sign-ins.ts';
import type { Caller } from '../../../src/policy/caller.ts';

const NOW = 1_000_000;

let signIns: SignIns;

beforeEach(() => {
  vi.useFakeTimers();
  signIns = new SignIns({ now: () => NOW });
});

afterEach(() => {
  signIns.close();
  vi.useRealTimers();
});

function caller(user: string): Caller {
  return { user, groups: [], source: 'static', rules: [] };
}

test('a sign-in is known by its secret, for an hour', () => {
  const secret = signIns.add(caller('ann'));
  const found = signIns.find(secret);
  vi.advanceTimersByTime(SIGN_IN_MS - 1);
  expect(signIns.find(secret)).toBe(found);
  expect(found?.over.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signIns.find(secret)).toBeUndefined();
  expect(found?.over.aborted).toBe(true);
});

test('it ends no later than the token', () => {
  const secret = signIns.add(caller('ann'), NOW + 1000);
  vi.advanceTimersByTime(1000);
  expect(signIns.find(secret)).toBeUndefined();
});

test('one user has so many, and takes them from nobody else', () => {
  const bob = signIns.add(caller('bob'));
  const secrets = Array.from({ length: 17 }, () => signIns.add(caller('ann')));
  expect(secrets.map(secret => signIns.find(secret) !== undefined)).toEqual([
    false,
    ...Array.from({ length: 16 }, () => true),
  ]);
  expect(signIns.find(bob)?.caller.user).toBe('bob');
});

test('there are so many in all, and the oldest makes room', () => {
  const first = signIns.add(caller('user-0'));
  const second = signIns.add(caller('user-1'));
  for (let at = 2; at <= 1_000; at++) signIns.add(caller(`user-${at}`));
  expect([signIns.find(first), signIns.find(second)?.caller.user]).toEqual([undefined, 'user-1']);
});
