import { describe, expect, test } from 'vitest';
import { jsonPatch } from '../../../src/sandbox/json-patch.ts';
import { mergePatch, strategicPatch } from '../../../src/sandbox/patch.ts';

describe('merge patch, examples of RFC 7386', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  ])('%j with %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });
});

describe('strategic merge patch', () => {
  test.each([
    ['maps', { data: { a: '1', b: '2' } }, { data: { a: null, c: '3' } }, { data: { b: '2', c: '3' } }],
    [
      'lists by name',
      { containers: [{ name: 'a', image: 'x' }, { name: 'b' }] },
      {
        '$setElementOrder/containers': [{ name: 'b' }],
        containers: [{ name: 'a', image: 'y' }, { name: 'c' }],
      },
      { containers: [{ name: 'a', image: 'y' }, { name: 'b' }, { name: 'c' }] },
    ],
    [
      'an element deleted',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [{ name: 'b' }] },
    ],
    ['plain lists replaced', { args: ['a'] }, { args: ['b'] }, { args: ['b'] }],
    ['sets merged', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['a', 'b'] }],
    [
      'taken out of a set',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    ['a map replaced', { data: { a: '1' } }, { data: { $patch: 'replace', b: '2' } }, { data: { b: '2' } }],
    ['a map deleted', { data: { a: '1' }, x: 1 }, { data: { $patch: 'delete' } }, { x: 1 }],
    [
      'keys retained',
      { strategy: { type: 'a', extra: 1 } },
      { strategy: { $retainKeys: ['type'], type: 'b' } },
      { strategy: { type: 'b' } },
    ],
  ])('%s', (_, target, patch, expected) => {
    expect(strategicPatch(target, patch)).toEqual(expected);
  });
});

describe('JSON patch', () => {
  test.each([
    [[{ op: 'add', path: '/a', value: 1 }], { list: ['x', 'y'], a: 1 }],
    [[{ op: 'add', path: '/list/1', value: 'z' }], { list: ['x', 'z', 'y'] }],
    [[{ op: 'add', path: '/list/-', value: 'z' }], { list: ['x', 'y', 'z'] }],
    [[{ op: 'remove', path: '/list/0' }], { list: ['y'] }],
    [[{ op: 'replace', path: '/list', value: [] }], { list: [] }],
    [
      [
        { op: 'test', path: '/list/0', value: 'x' },
        { op: 'copy', from: '/list/0', path: '/b' },
      ],
      { list: ['x', 'y'], b: 'x' },
    ],
    [[{ op: 'move', from: '/list/0', path: '/a~1b' }], { list: ['y'], 'a/b': 'x' }],
  ])('%j', (operations, expected) => {
    expect(JSON.parse(JSON.stringify(jsonPatch({ list: ['x', 'y'] }, operations)))).toEqual(expected);
  });

  test.each([
    [{ op: 'test', path: '/list/0', value: 'q' }, 422],
    [{ op: 'remove', path: '/none' }, 422],
    [{ op: 'add', path: '/none/deep', value: 1 }, 422],
    [{ op: 'add', path: '/list/9', value: 1 }, 422],
    [{ op: 'jump', path: '/list' }, 400],
    [{ op: 'add', path: 'list', value: 1 }, 400],
  ])('%j is refused', (operation, code) => {
    expect(() => jsonPatch({ list: ['x', 'y'] }, [operation])).toThrow(expect.objectContaining({ code }));
  });
});
