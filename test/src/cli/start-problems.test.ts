import { describe, expect, test } from 'vitest';
import { makeEach, StartProblems } from '../../../src/cli/start-problems.ts';

const fails = (words: string) => (): never => {
  throw new Error(words);
};

describe('the steps of a start', () => {
  test('that all succeed give what they made', async () => {
    const problems = new StartProblems();
    const one = await problems.step(() => 1);
    const two = await problems.step(async () => one.value + 1);
    problems.throwIfAny();
    expect(two.value).toBe(2);
  });

  test('that fail are told together, those that only lack another not at all', async () => {
    const problems = new StartProblems();
    const upstream = await problems.step(fails('no kubeconfig'));
    await problems.step(() => upstream.value);
    await problems.step(async () => fails('no audit')());
    await problems.step(fails('no kubeconfig'));
    await problems.step(() => 'well');
    expect(() => problems.throwIfAny()).toThrow(/^no kubeconfig\nno audit$/);
  });

  test('for each of several, every problem', () => {
    const make = (name: string): string => (name.startsWith('bad') ? fails(`${name} is bad`)() : name);
    expect(makeEach(['a', 'b'], make)).toEqual(['a', 'b']);
    expect(() => makeEach(['bad1', 'a', 'bad2'], make)).toThrow('bad1 is bad\nbad2 is bad');
  });
});
