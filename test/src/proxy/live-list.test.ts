import { expect, test } from 'vitest';
import { LiveList } from '../../../src/proxy/live-list.ts';

test('holds what was put in until it is taken out, whatever the order', () => {
  const list = new LiveList<string>();
  const [dropA, , dropC, dropD] = ['a', 'b', 'c', 'd'].map(item => list.add(item));
  dropA?.();
  expect([...list].sort()).toEqual(['b', 'c', 'd']);
  dropD?.();
  dropC?.();
  expect([...list]).toEqual(['b']);
  expect(list.size).toBe(1);
});

test('an item is taken out once, and never another in its place', () => {
  const list = new LiveList<string>();
  const drop = list.add('a');
  drop();
  list.add('b');
  drop();
  expect([...list]).toEqual(['b']);
});

test('all can be taken out while they are gone through', () => {
  const list = new LiveList<() => void>();
  const seen: number[] = [];
  for (const number of [1, 2, 3]) {
    const drop = list.add(() => {
      seen.push(number);
      drop();
    });
  }
  for (const end of list) end();
  expect(seen).toEqual([1, 2, 3]);
  expect(list.size).toBe(0);
});
