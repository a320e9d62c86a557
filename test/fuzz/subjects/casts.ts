import fc from 'fast-check';
import { CastCheck, castFault } from '../../../src/recorder/cast-check.ts';
import { planJoin } from '../../../src/recorder/join-parts.ts';
import { parseManifest } from '../../../src/recorder/manifest.ts';
import type { Subject } from '../subject.ts';
import { json, must, mustEqual, pieces } from '../subject.ts';

const HEADER = '{"version":2,"width":80,"height":24,"kubewitness":{"sessionId":"s"}}\n';

function checkCast(input: Buffer): void {
  const read = (chunks: readonly Buffer[]) => {
    const cast = new CastCheck({ maxHeaderBytes: 300, maxLineBytes: 600 });
    for (const chunk of chunks) cast.push(chunk);
    return cast.report();
  };
  const report = read([input]);
  mustEqual(read(pieces(input)), report, 'cut in pieces');
  mustEqual(read([...input].map(byte => Buffer.of(byte))), report, 'cut in bytes');
  must(report.durationSeconds >= 0 && Number.isFinite(report.durationSeconds), 'a duration that is none');
  if (castFault(report) !== undefined) return;
  // A whole cast, as anybody else would read it.
  const [header, ...events] = input.toString('utf8').split('\n').slice(0, -1);
  must(JSON.parse(header ?? '').version === 2, 'no header');
  for (const event of events) must(JSON.parse(event).length === 3, 'no event');
  must(input.at(-1) === 10, 'no newline at the end');
}

function checkManifest(input: Buffer): void {
  const texts = input.toString('utf8').split('\n');
  const manifests = texts.map(text => parseManifest(text)).filter(manifest => manifest !== undefined);
  const plan = planJoin(manifests);
  if (typeof plan === 'string') return;
  for (const { id, end } of plan) {
    const part = manifests.find(manifest => manifest.id === id);
    must(part !== undefined && (end === undefined || end <= part.bytes), `${id} up to ${end}`);
  }
}

const event = fc
  .tuple(
    fc.double({ min: -1, max: 1e6 }),
    fc.constantFrom('o', 'r', 'm', 1),
    fc.oneof(fc.string(), fc.constantFrom('80x24', 5)),
  )
  .map(parts => `${JSON.stringify(parts)}\n`);

const part = fc
  .record({
    apiVersion: fc.constantFrom('kubewitness.dev/v1', 'kubewitness.dev/v1', 'v2'),
    id: fc.constantFrom('a', 'b', 'c'),
    file: fc.constant('f'),
    receivedAt: fc.constant('t'),
    endedAt: fc.constant('t'),
    sha256: fc.constant(''),
    bytes: fc.nat(100),
    events: fc.nat(3),
    durationSeconds: fc.nat(3),
    complete: fc.boolean(),
    sessionId: fc.constantFrom('s', 't'),
    header: fc.record({
      width: fc.constantFrom(80, -1),
      height: fc.constant(24),
      kubewitness: fc.record({
        recordingId: fc.constantFrom('s.1', 's.2', 'a'),
        continues: fc.oneof(
          fc.record({
            recording: fc.constantFrom('s.1', 's.2', 'a', 'b', 's'),
            offset: fc.integer({ min: -1, max: 120 }),
          }),
          json(['recording', 'offset'], ['s.1', 5]),
        ),
      }),
    }),
  })
  .map(value => JSON.stringify(value));

export const CAST_SUBJECTS: readonly Subject[] = [
  {
    name: 'cast',
    files: ['src/recorder/cast-check.ts', 'src/recorder/cast-header.ts'],
    words: [HEADER, '[1,"o","', '"]\n', '\n', '"width":', '-1', '1e999', '\xc3', '\ud800', 'null'],
    grammar: fc.array(event, { maxLength: 5 }).map(events => Buffer.from(HEADER + events.join(''))),
    check: checkCast,
  },
  {
    name: 'manifest',
    files: ['src/recorder/manifest.ts', 'src/recorder/join-parts.ts'],
    words: [
      '"continues":',
      '"offset":',
      '"recording":"s.1"',
      'null',
      '{',
      '}',
      '\n',
      '"blocks":[',
      '"hold":',
    ],
    grammar: fc.array(part, { maxLength: 4 }).map(parts => Buffer.from(parts.join('\n'))),
    check: checkManifest,
  },
];
