import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openJsonlSink } from '../../../src/audit/jsonl-sink.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';

const clock = { now: () => 1_767_225_600_000, monotonic: () => 0 };
const event: AuditEvent = {
  type: 'request.refused',
  method: 'GET',
  path: '/x',
  code: 'KW_FORBIDDEN',
  message: 'no',
};

function open(file: string, failed: unknown[] = []) {
  return openJsonlSink({ file, clock, failed: error => failed.push(error) });
}

function scratch(): string {
  return join(mkdtempSync(join(tmpdir(), 'kubewitness-audit-')), 'deep', 'audit.jsonl');
}

function lines(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('audit file', () => {
  test('each line carries its place and the hash of the line before', () => {
    const file = scratch();
    const sink = open(file);
    sink.write(event);
    sink.write(event);
    sink.close();
    const [first = '', second = ''] = lines(file);
    expect(JSON.parse(first)).toMatchObject({ seq: 1, prevHash: '0'.repeat(64), type: 'request.refused' });
    expect(JSON.parse(second)).toMatchObject({
      seq: 2,
      prevHash: sha256(first),
      time: '2026-01-01T00:00:00.000Z',
    });
  });

  test('the chain goes on after a restart', () => {
    const file = scratch();
    const before = open(file);
    before.write(event);
    before.close();
    const after = open(file);
    after.write(event);
    after.close();
    const [first = '', second = ''] = lines(file);
    expect(JSON.parse(second)).toMatchObject({ seq: 2, prevHash: sha256(first) });
  });

  test('a line torn by a crash is kept and ended, and the chain says so', () => {
    const file = scratch();
    const before = open(file);
    before.write(event);
    before.close();
    appendFileSync(file, '{"torn":');
    const after = open(file);
    after.write(event);
    after.close();
    const all = lines(file);
    expect(all).toHaveLength(3);
    expect(JSON.parse(all[2] ?? '')).toMatchObject({ seq: 2, prevHash: sha256('{"torn":') });
  });

  test('a file of something else is refused, not appended to', () => {
    const file = scratch();
    open(file).close();
    writeFileSync(file, 'not ours\n');
    expect(() => open(file)).toThrow(/not an audit record/);
    expect(readFileSync(file, 'utf8')).toBe('not ours\n');
  });

  test('untrusted text stays inside one line', () => {
    const file = scratch();
    const sink = open(file);
    sink.write({ ...event, message: 'a\n{"type":"fake"}\u2028' });
    sink.close();
    expect(lines(file)).toHaveLength(1);
  });

  test('a write that fails is told, and does not throw', () => {
    const failed: unknown[] = [];
    const sink = open(scratch(), failed);
    sink.close();
    expect(() => sink.write(event)).not.toThrow();
    expect(failed).toHaveLength(1);
  });
});
