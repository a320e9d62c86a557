import { describe, expect, test } from 'vitest';
import {
  isRecordingId,
  newRecordingId,
  parseStoredName,
  storedName,
  timeOfRecording,
} from '../../../src/recorder/recording-id.ts';

const NEW_YEAR_MS = Date.UTC(2026, 0, 1, 0, 0, 0, 7);

describe('recording id', () => {
  test('carries its time, and names sort by it', () => {
    const first = newRecordingId(NEW_YEAR_MS);
    const later = newRecordingId(NEW_YEAR_MS + 1);
    expect(timeOfRecording(first).getTime()).toBe(NEW_YEAR_MS);
    expect(storedName(first, '.cast')).toBe(`20260101T000000Z-${first}.cast`);
    expect([storedName(later, '.json'), storedName(first, '.json')].sort()[0]).toContain(first);
  });

  test('two of one millisecond differ', () => {
    expect(newRecordingId(NEW_YEAR_MS)).not.toBe(newRecordingId(NEW_YEAR_MS));
  });

  test.each(['.cast.part', '.cast', '.json.part', '.json'] as const)('%s is read back', kind => {
    const id = newRecordingId(NEW_YEAR_MS);
    expect(parseStoredName(storedName(id, kind))).toEqual({ id, kind });
  });

  test.each(['', '..', '../x', 'A'.repeat(32), 'g'.repeat(32), `${'0'.repeat(32)}/..`, '0'.repeat(31)])(
    '%j is no id',
    text => {
      expect(isRecordingId(text)).toBe(false);
    },
  );

  test.each(['events.jsonl', 'a.cast', `20270101T000000Z-${newRecordingId(NEW_YEAR_MS)}.cast`])(
    '%s is not a name of ours',
    name => {
      expect(parseStoredName(name)).toBeUndefined();
    },
  );
});
