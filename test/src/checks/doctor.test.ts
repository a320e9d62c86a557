import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAuditPlace } from '../../../src/checks/audit-place.ts';
import { clockSkew } from '../../../src/checks/clock-skew.ts';

describe('the clock', () => {
  const now = Date.UTC(2026, 0, 1, 12);
  const at = (seconds: number): string => new Date(now + seconds * 1000).toUTCString();

  test.each([
    [0, "our clock is 0.0 s ahead of the API server's"],
    [-10, "our clock is 10.0 s ahead of the API server's"],
    [10, "our clock is 10.0 s behind the API server's"],
  ])('%i s is well', (seconds, words) => {
    expect(clockSkew(at(seconds), now)).toBe(words);
  });

  test.each([-11, 11, 86_400])('%i s is not', seconds => {
    expect(() => clockSkew(at(seconds), now)).toThrow(/our clock is/);
  });

  test('no header says nothing; one that is no date is a fault', () => {
    expect(clockSkew(undefined, now)).toContain('does not say');
    expect(() => clockSkew('soon', now)).toThrow('no date: soon');
  });
});

describe('the place of the audit', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-place-'));

  test('may be new or old, and is not made', async () => {
    const file = join(dir, 'audit.jsonl');
    await expect(checkAuditPlace(file)).resolves.toMatch(/^\d+ MiB are free in /);
    await expect(checkAuditPlace(file)).resolves.toMatch(/^\d+ MiB are free in /);
    writeFileSync(file, 'x\n');
    await expect(checkAuditPlace(file)).resolves.toMatch(/^\d+ MiB are free in /);
  });

  test('needs a folder, which a file is not', async () => {
    await expect(checkAuditPlace(join(dir, 'nowhere', 'audit.jsonl'))).rejects.toThrow('ENOENT');
    await expect(checkAuditPlace(join(dir, 'audit.jsonl', 'audit.jsonl'))).rejects.toThrow(/EACCES|ENOTDIR/);
  });
});
