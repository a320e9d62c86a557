import { describe, expect, test } from 'vitest';
import { headerLine, outputLine, resizeLine } from '../../../src/recording/cast.ts';
import { LiveCast, LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { Recording } from '../../../src/recording/recording.ts';
import { FakeTime } from './fake-time.ts';
import { FakeUpload } from './fake-upload.ts';
import { SUBJECT } from './subject.ts';

const HEADER = headerLine(SUBJECT, { cols: 100, rows: 30 }, 0);
const KEPT = 256 * 1024;

function shown(cast: LiveCast): unknown[] {
  return cast.past().map(line => {
    expect(line.at(-1)).toBe(0x0a);
    return JSON.parse(line.toString()) as unknown;
  });
}

describe('a live cast', () => {
  test('shows who comes late all there is, and tells what comes after', () => {
    const cast = new LiveCast(new LiveCastRoom());
    const told: string[] = [];
    cast.on('line', line => told.push(line.toString()));
    expect(cast.past()).toEqual([]);
    cast.header(HEADER);
    cast.event(outputLine(1, '$ '));
    cast.event(outputLine(2, 'ä\n'));
    expect(shown(cast)).toEqual([{ version: 2, width: 100, height: 30 }, [1, 'o', '$ '], [2, 'o', 'ä\n']]);
    expect(told.map(text => JSON.parse(text) as unknown)).toEqual(shown(cast));
  });

  test('of a recording that is lost, given up and taken again is each line once, and the gap', () => {
    const live = new LiveCast(new LiveCastRoom());
    const time = new FakeTime();
    const upload = new FakeUpload();
    const recording = new Recording({
      subject: SUBJECT,
      tty: false,
      upload,
      clock: time,
      timers: time,
      whenFull: 'fail',
      live,
    });
    const write = (text: string): boolean => recording.output('stdout', Buffer.from(text));
    write('recorded');
    upload.acknowledge();
    upload.fail();
    write('handed over');
    recording.moveTo(new FakeUpload());
    const third = new FakeUpload();
    write('again');
    recording.on('failed', () => recording.giveUp());
    time.pass(40_000);
    write('nowhere');
    recording.moveTo(third);
    write('back');
    const [header, ...events] = shown(live);
    expect(header).toEqual({ version: 2, width: 80, height: 24 });
    expect(events.map(event => (Array.isArray(event) ? event.slice(1) : event))).toEqual([
      ['o', 'recorded'],
      ['o', 'handed over'],
      ['o', 'again'],
      ['m', expect.stringMatching(/^kubewitness: \d+ bytes from \d+ to \d+ ms are not recorded$/)],
      ['o', 'back'],
    ]);
    recording.abort();
  });

  test('says nothing of the header to spectators but the size', () => {
    const cast = new LiveCast(new LiveCastRoom());
    cast.header(HEADER);
    expect(cast.past().join('')).not.toContain(SUBJECT.kubewitness.sessionId);
  });

  test('a second part of the cast is no new beginning', () => {
    const cast = new LiveCast(new LiveCastRoom());
    cast.header(HEADER);
    cast.event(outputLine(1, 'a'));
    cast.header(headerLine(SUBJECT, { cols: 1, rows: 1 }, 0));
    expect(shown(cast)).toEqual([{ version: 2, width: 100, height: 30 }, [1, 'o', 'a']]);
  });

  test('keeps the last of a long one, whole lines, says that it is cut, and with which size it begins', () => {
    const cast = new LiveCast(new LiveCastRoom());
    cast.header(HEADER);
    cast.event(resizeLine(1, { cols: 132, rows: 43 }));
    const lines = Array.from({ length: 2_000 }, (_, at) => outputLine(at, `${at} `.padEnd(500, 'x')));
    for (const line of lines) cast.event(line);
    const [header, cut, ...rest] = cast.past();
    expect(JSON.parse(String(header))).toEqual({ version: 2, width: 132, height: 43 });
    expect(JSON.parse(String(cut))).toEqual([
      0,
      'm',
      'kubewitness: the beginning of the session is not shown',
    ]);
    expect(rest.map(String)).toEqual(lines.slice(-rest.length).map(String));
    const bytes = rest.reduce((sum, line) => sum + line.length, 0);
    expect(bytes).toBeLessThanOrEqual(KEPT);
    expect(bytes).toBeGreaterThan(KEPT / 2);
  });

  test('a session without output takes no more than a little', () => {
    const room = new LiveCastRoom(() => 2048);
    const cast = new LiveCast(room);
    cast.header(HEADER);
    cast.event(outputLine(1, '$ '));
    expect(room.take(1024)).toBe(true);
  });

  test('when the room is full it keeps less, goes on telling, and gives the room back at its end', () => {
    const room = new LiveCastRoom(() => 4096);
    const first = new LiveCast(room);
    const second = new LiveCast(room);
    let told = 0;
    second.on('line', () => told++);
    for (const cast of [first, second]) cast.header(HEADER);
    for (let at = 0; at < 100; at++) first.event(outputLine(at, 'x'.repeat(100)));
    second.event(outputLine(1, 'y'));
    expect(shown(second)).toEqual([
      { version: 2, width: 100, height: 30 },
      [0, 'm', 'kubewitness: the beginning of the session is not shown'],
    ]);
    expect(told).toBe(2);
    first.end();
    second.event(outputLine(2, 'z'));
    expect(shown(second).at(-1)).toEqual([2, 'o', 'z']);
    second.end();
    second.end();
    expect(room.take(4096)).toBe(true);
    expect(room.take(1)).toBe(false);
  });

  test('keeps nothing where nobody may watch', () => {
    const cast = new LiveCast(new LiveCastRoom(() => 0));
    cast.header(HEADER);
    cast.event(outputLine(1, 'secret'));
    expect(cast.past().join('')).not.toContain('secret');
  });
});
