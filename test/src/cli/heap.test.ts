import { describe, expect, test } from 'vitest';
import { heapMiB, restartWithHeap } from '../../../src/cli/heap.ts';

const GIB = 1024 ** 3;

test.each([
  ['no limit of cgroup v2', 2 ** 64, undefined],
  ['no limit of cgroup v1', 2 ** 63 - 4096, undefined],
  ['no cgroup', 0, undefined],
  ['all that there is', 16 * GIB, 9_830],
  ['512 MiB', 512 * 1024 ** 2, 307],
  ['less than makes sense', 1, 1],
])('the heap under %s', (_what, constrained, mib) => {
  expect(heapMiB(constrained, 16 * GIB)).toBe(mib);
});

describe('the process begins again', () => {
  const facts = {
    execPath: '/node',
    execArgv: ['--enable-source-maps'],
    argv: ['/node', '/app/main.js', 'proxy', '--config', 'a b'],
    env: {},
    constrainedBytes: GIB,
    totalBytes: 16 * GIB,
  };

  test('with its arguments as they were, and the heap in front', () => {
    expect(restartWithHeap(facts)).toEqual([
      '/node',
      '--max-old-space-size=614',
      '--enable-source-maps',
      '/app/main.js',
      'proxy',
      '--config',
      'a b',
    ]);
  });

  test.each([
    ['the command line', { execArgv: ['--max-old-space-size=100'] }],
    ['the command line, as V8 writes it', { execArgv: ['--max_old_space_size=100'] }],
    ['NODE_OPTIONS', { env: { NODE_OPTIONS: '--foo --max-old-space-size=100' } }],
    ['a share in NODE_OPTIONS', { env: { NODE_OPTIONS: '--max-old-space-size-percentage=50' } }],
  ])('not when %s says how large', (_where, said) => {
    expect(restartWithHeap({ ...facts, ...said })).toBeUndefined();
  });

  test('not without a limit, nor a second time', () => {
    expect(restartWithHeap({ ...facts, constrainedBytes: 0 })).toBeUndefined();
    const [execPath = '', ...rest] = restartWithHeap(facts) ?? [];
    expect(restartWithHeap({ ...facts, execPath, execArgv: rest.slice(0, 2) })).toBeUndefined();
  });
});
