import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { joinCasts } from '../../../src/recorder/join-casts.ts';
import { planJoin } from '../../../src/recorder/join-parts.ts';
import { CAST, HEADER_LINE } from './harness.ts';
import { manifestAt } from './manifests.ts';

const EVENTS = ['[1,"o","a"]\n', '[2,"o","b"]\n', '[3,"o","c"]\n', '[4,"o","d"]\n'];
const WHOLE = HEADER_LINE + EVENTS.join('');

interface Part {
  readonly text: string;
  readonly continues?: { readonly recording: string; readonly offset: number };
}

/**
 * Joins parts of session `s`, received in this order, by recorders whose clocks say so or the reverse. `PART0` in
 * `continues` stands for the id of the first.
 */
async function join(parts: readonly Part[], clocks: 'agree' | 'reversed' = 'agree'): Promise<string> {
  const texts = new Map<string, string>();
  const ids: string[] = [];
  const manifests = parts.map(({ text, continues }, index) => {
    const recording = continues?.recording.replace(/^PART(\d)$/, (_, part) => ids[Number(part)] ?? '');
    const manifest = manifestAt(clocks === 'agree' ? index : parts.length - index, {
      session: 's',
      recordingId: `s.${index + 1}`,
      bytes: Buffer.byteLength(text),
      ...(continues !== undefined && recording !== undefined && { continues: { ...continues, recording } }),
    });
    texts.set(manifest.id, text);
    ids.push(manifest.id);
    return manifest;
  });
  const plan = planJoin(manifests.reverse());
  if (typeof plan === 'string') throw new Error(plan);
  const open = async (id: string, end: number | undefined): Promise<Readable> =>
    Readable.from([...Buffer.from(texts.get(id) ?? '').subarray(0, end)].map(byte => Buffer.from([byte])));
  return (await buffer(Readable.from(joinCasts(plan, open)))).toString('utf8');
}

const offset = (events: number): number => HEADER_LINE.length + EVENTS.slice(0, events).join('').length;
const from = (events: number): string => HEADER_LINE + EVENTS.slice(events).join('');

describe('joining the parts of a session', () => {
  test.each<[string, Part[]]>([
    ['one part', [{ text: WHOLE }]],
    [
      'a hand-over at a line’s end',
      [
        { text: from(0).slice(0, offset(2)) },
        { text: from(2), continues: { recording: 's', offset: offset(2) } },
      ],
    ],
    [
      'a first part with more than was acknowledged',
      [
        { text: `${WHOLE.slice(0, offset(3))}[4,"o` },
        { text: from(1), continues: { recording: 's', offset: offset(1) } },
      ],
    ],
    [
      'a first part that is named by its id',
      [{ text: WHOLE }, { text: from(3), continues: { recording: 'PART0', offset: offset(3) } }],
    ],
    [
      'parts named as the proxy names them',
      [
        { text: WHOLE.slice(0, offset(3)) },
        {
          text: from(1).slice(0, HEADER_LINE.length + 20),
          continues: { recording: 's.1', offset: offset(1) },
        },
        {
          text: from(2),
          continues: { recording: 's.2', offset: HEADER_LINE.length + (EVENTS[1] ?? '').length },
        },
      ],
    ],
    [
      'a second part of which nothing stands',
      [
        { text: WHOLE.slice(0, offset(2)) },
        { text: HEADER_LINE.slice(0, 20), continues: { recording: 's.1', offset: offset(2) } },
        { text: from(2), continues: { recording: 's.2', offset: 0 } },
      ],
    ],
    [
      'a first part of which nothing stands',
      [{ text: HEADER_LINE.slice(0, 9) }, { text: WHOLE, continues: { recording: 's', offset: 0 } }],
    ],
    [
      'three parts, each carrying on the one before',
      [
        { text: WHOLE.slice(0, offset(1)) },
        {
          text: from(1).slice(0, offset(1) + (EVENTS[1] ?? '').length),
          continues: { recording: 's', offset: offset(1) },
        },
        {
          text: from(2),
          continues: { recording: 's', offset: HEADER_LINE.length + (EVENTS[1] ?? '').length },
        },
      ],
    ],
    [
      'a second part that came to nothing: the third goes on after the first',
      [
        { text: WHOLE.slice(0, offset(2)) },
        { text: HEADER_LINE, continues: { recording: 'PART0', offset: offset(2) } },
        { text: from(2), continues: { recording: 'PART0', offset: offset(2) } },
      ],
    ],
  ])('%s makes the undisturbed cast', async (_name, parts) => {
    expect(await join(parts)).toBe(WHOLE);
  });

  test('the order is the proxy’s, whatever the clocks of the recorders say', async () => {
    const parts = [
      { text: WHOLE.slice(0, offset(2)) },
      { text: from(2).slice(0, offset(1)), continues: { recording: 's.1', offset: offset(2) } },
      { text: from(3), continues: { recording: 's.2', offset: offset(1) } },
    ];
    expect(await join(parts, 'reversed')).toBe(WHOLE);
  });

  test.each<[string, Part[], string]>([
    ['no parts', [], 'there are no parts'],
    ['two beginnings', [{ text: CAST }, { text: CAST }], 'begins the session anew'],
    [
      'a part that carries on something else',
      [{ text: CAST }, { text: CAST, continues: { recording: 'other', offset: 3 } }],
      'carries on other, which is not here',
    ],
    ['a missing beginning', [{ text: CAST, continues: { recording: 's', offset: 3 } }], 'which is not here'],
    [
      'a first part that lost acknowledged bytes',
      [{ text: CAST }, { text: CAST, continues: { recording: 's', offset: CAST.length + 50 } }],
      `but that has only ${Buffer.byteLength(CAST)}`,
    ],
    [
      'a cut amid a line that nobody finishes',
      [{ text: WHOLE }, { text: from(2), continues: { recording: 's', offset: offset(2) - 3 } }],
      'the parts do not make one cast: line 3',
    ],
  ])('%s is an error', async (_name, parts, reason) => {
    await expect(join(parts)).rejects.toThrow(reason);
  });
});
