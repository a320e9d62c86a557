import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Tail } from '../../../src/recording/tail.ts';

const mark = { seconds: 1, written: 0 };

test('a confirmed line is let go of at once, and the rest is still there', async () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('no garbage collector to call');
  const tail = new Tail();
  const confirmed = pushed(tail, 100);
  tail.push(Buffer.alloc(50), mark);
  tail.confirm(120);
  // A WeakRef holds on until the turn of the event loop that made it is over.
  await new Promise(resolve => setImmediate(resolve));
  collect();
  expect(confirmed.deref()).toBeUndefined();
  expect(tail.offset).toBe(100);
  expect(tail.take().map(({ start }) => start)).toEqual([100]);
});

function pushed(tail: Tail, length: number): WeakRef<Buffer> {
  const bytes = Buffer.alloc(length);
  tail.push(bytes, mark);
  return new WeakRef(bytes);
}
