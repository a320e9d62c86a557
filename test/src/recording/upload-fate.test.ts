import { describe, expect, test } from 'vitest';
import { RecorderFailures } from '../../../src/recording/recorder-failure.ts';
import type { RecorderError } from '../../../src/recording/upload.ts';
import { UploadFate } from '../../../src/recording/upload-fate.ts';
import { FakeTime } from './fake-time.ts';

function begin(): { fate: UploadFate; time: FakeTime; released: () => number } {
  const time = new FakeTime();
  let released = 0;
  const fate = new UploadFate({
    failures: new RecorderFailures('recorder:80'),
    timers: time,
    finalAnswerMs: 30_000,
    release: () => released++,
  });
  return { fate, time, released: () => released };
}

function heardBy(fate: UploadFate): RecorderError[] {
  const heard: RecorderError[] = [];
  fate.on('failed', error => heard.push(error));
  return heard;
}

describe('how an upload ends', () => {
  test('the first failure counts, and is told once', () => {
    const { fate, released } = begin();
    const heard = heardBy(fate);
    fate.fail('reset', 'stream', 'first');
    fate.fail('protocol', 'ack', 'second');
    fate.complete();
    expect(heard).toEqual([expect.objectContaining({ message: 'recorder recorder:80: first' })]);
    expect(released()).toBe(1);
  });

  test('a failure that came before the first listener is told to it, and to no later one', async () => {
    const { fate } = begin();
    fate.fail('reset', 'stream', 'early');
    const first = heardBy(fate);
    await Promise.resolve();
    const second = heardBy(fate);
    await Promise.resolve();
    expect(first).toHaveLength(1);
    expect(second).toEqual([]);
  });

  test('a listener that left in time hears nothing, the one in its place does', async () => {
    const { fate } = begin();
    const left: RecorderError[] = [];
    const onFailed = (error: RecorderError): void => void left.push(error);
    fate.on('failed', onFailed);
    fate.off('failed', onFailed);
    fate.fail('reset', 'stream', 'between');
    const stayed = heardBy(fate);
    await Promise.resolve();
    expect(left).toEqual([]);
    expect(stayed).toHaveLength(1);
  });

  test('the final answer has a bound', async () => {
    const { fate, time, released } = begin();
    const heard = heardBy(fate);
    const end = fate.end(() => {});
    time.pass(29_999);
    expect(released()).toBe(0);
    time.pass(1);
    await expect(end).rejects.toMatchObject({ kind: 'timeout', phase: 'finalise' });
    expect(released()).toBe(1);
    expect(heard).toEqual([]);
  });

  test('the final answer ends the wait', async () => {
    const { fate, time, released } = begin();
    const end = fate.end(() => {});
    fate.complete();
    await end;
    expect(time.timers).toBe(0);
    expect(released()).toBe(1);
    expect(fate.state).toBe('over');
  });

  test('no answer completes an upload that has not ended', async () => {
    const { fate } = begin();
    fate.complete();
    expect(fate.state).toBe('streaming');
    fate.abort();
    await expect(fate.end(() => {})).rejects.toMatchObject({ kind: 'reset' });
  });

  test('an abort is told to nobody, now or later', async () => {
    const { fate } = begin();
    const before = heardBy(fate);
    fate.abort();
    const after = heardBy(fate);
    await Promise.resolve();
    expect([...before, ...after]).toEqual([]);
  });
});
