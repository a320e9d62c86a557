import fc from 'fast-check';
import { isTorn, NO_HASH, nextLine, readLine } from '../../../src/audit/chain.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { Verifier } from '../../../src/audit/verify.ts';
import type { Subject } from '../subject.ts';
import { must } from '../subject.ts';

/** A short chain, always the same. */
const LINES: readonly string[] = chain([
  { type: 'proxy.started', version: '1', cluster: 'c' },
  { type: 'request.refused', method: 'GET', path: '/api', code: 'KW_FORBIDDEN', message: '漢' },
  { type: 'proxy.stopped', reason: 'signal' },
]);
const WHOLE = LINES.map(line => `${line}\n`).join('');

function chain(events: readonly AuditEvent[]): string[] {
  let end = { replica: 'r-00000000', seq: 0, hash: NO_HASH, id: '' };
  return events.map((event, index) => {
    const link = { id: `01ARZ3NDEKTSV4RRFFQ69G5FA${index}`, time: '2026-01-01T00:00:00.000Z' };
    const next = nextLine(end, link, event);
    end = next.end;
    return next.line;
  });
}

function check(input: Buffer): void {
  const lines = input.toString('utf8').split('\n').slice(0, -1);
  const verifier = new Verifier();
  for (const [index, line] of lines.entries()) {
    const read = readLine(line);
    must(read?.intact !== true || LINES.includes(line), 'a changed line passes for intact');
    if (read !== undefined) must(!isTorn(line), 'a whole record passes for torn');
    verifier.line(line, { file: 'f', number: index + 1 });
  }
  const { problems, torn } = verifier.finish();
  if (problems.length > 0) return;
  const left = lines.filter((_line, index) => !torn.some(({ number }) => number === index + 1));
  // What a chain cannot know is whether its end was cut off.
  must(WHOLE.startsWith(left.map(line => `${line}\n`).join('')), 'a changed audit passes for whole');
}

/** The lines, some of them gone, moved or there twice. */
const grammar = fc
  .array(fc.constantFrom(...LINES, '', '{"apiVersion":"', '\0'.repeat(20)), { maxLength: 6 })
  .map(lines => Buffer.from(lines.map(line => `${line}\n`).join('')));

export const AUDIT_SUBJECTS: readonly Subject[] = [
  {
    name: 'audit-lines',
    files: ['src/audit/chain.ts', 'src/audit/verify.ts'],
    words: [
      '"seq":',
      '"hash":"',
      `"prevHash":"${NO_HASH}"`,
      '"tornBefore":"',
      '\n',
      '\0\0\0\0',
      '{"apiVersion":"audit.kubewitness.dev/v1"',
      '"type":"',
    ],
    grammar: fc.oneof(grammar, fc.constant(Buffer.from(WHOLE))),
    check,
  },
];
