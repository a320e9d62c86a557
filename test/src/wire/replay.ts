import type { AskedStreams, SessionProtocol, StreamName } from '../../../src/kube/remotecommand.ts';
import type { Violation, WireCodec } from '../../../src/wire/codec.ts';
import { createCodec } from '../../../src/wire/create-codec.ts';

export type Side = 'client' | 'upstream';
export type Script = readonly (readonly [Side, Buffer])[];
export type Cut = (bytes: Buffer, before: number) => readonly Buffer[];

export const ALL: AskedStreams = { stdin: true, stdout: true, stderr: true, tty: false };
export const TTY: AskedStreams = { stdin: true, stdout: true, stderr: false, tty: true };
export const FAILURE = { statusJson: '{"status":"Failure","message":"m"}', text: 'm' };

export interface Outcome {
  /** Hex of what may be forwarded. */
  readonly accepted: Record<Side, string>;
  /** Hex of the payload of each stream that was reported. */
  readonly heard: Partial<Record<StreamName, string>>;
  readonly violation?: Pick<Violation, 'code' | 'offset'> & { readonly side: Side };
}

export interface Replayed extends Outcome {
  readonly codec: WireCodec;
}

/** Feeds a script to a fresh codec, each part cut as told. Bytes that are pushed must not be changed by it. */
export function replay(protocol: SessionProtocol, asked: AskedStreams, script: Script, cut: Cut): Replayed {
  const heard: Partial<Record<StreamName, Buffer[]>> = {};
  const sink = {
    payload: (stream: StreamName, bytes: Buffer): void => {
      const pieces = heard[stream] ?? [];
      heard[stream] = pieces;
      pieces.push(Buffer.from(bytes));
    },
  };
  const codec = createCodec(protocol, { asked, clientSink: sink, upstreamSink: sink });
  const accepted: Record<Side, Buffer[]> = { client: [], upstream: [] };
  let violation: Outcome['violation'];
  let before = 0;
  for (const [side, bytes] of script) {
    const reader = side === 'client' ? codec.fromClient : codec.fromUpstream;
    for (const chunk of cut(bytes, before)) {
      const copy = Buffer.from(chunk);
      const result = reader.push(chunk);
      if (!copy.equals(chunk)) throw new Error('the reader wrote into the chunk');
      accepted[side].push(...result.accepted.map(piece => Buffer.from(piece)));
      if (result.violation !== undefined) {
        if (violation?.side === side) throw new Error('a second violation');
        violation = { side, code: result.violation.code, offset: result.violation.offset };
      }
    }
    before += bytes.length;
  }
  return {
    codec,
    accepted: { client: hex(accepted.client), upstream: hex(accepted.upstream) },
    heard: Object.fromEntries(Object.entries(heard).map(([name, pieces]) => [name, hex(pieces)])),
    ...(violation === undefined ? {} : { violation }),
  };
}

export const whole: Cut = bytes => [bytes];
export const byteByByte: Cut = bytes => [...bytes].map(byte => Buffer.of(byte));

/** Cuts once, at this place of the script. */
export function cutAt(place: number): Cut {
  return (bytes, before) => {
    const at = place - before;
    return at > 0 && at < bytes.length ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];
  };
}

/** The outcome of a script, having made sure that no cut changes it. */
export function read(protocol: SessionProtocol, asked: AskedStreams, script: Script): Outcome {
  const length = script.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const cuts = [byteByByte, ...Array.from({ length: Math.max(0, length - 1) }, (_, at) => cutAt(at + 1))];
  const expected = outcomeOf(replay(protocol, asked, script, whole));
  for (const cut of cuts) {
    const outcome = outcomeOf(replay(protocol, asked, script, cut));
    if (JSON.stringify(outcome) !== JSON.stringify(expected)) {
      throw new Error(`${JSON.stringify(outcome)} is not ${JSON.stringify(expected)}`);
    }
  }
  return expected;
}

/** What the client gets: all that was accepted for it, then the ending. */
export function atClient(replayed: Replayed): Buffer {
  return Buffer.concat([
    Buffer.from(replayed.accepted.upstream, 'hex'),
    ...Array.from(replayed.codec.ending(FAILURE), piece => Buffer.from(piece)),
  ]);
}

export function outcomeOf({ codec: _codec, ...outcome }: Replayed): Outcome {
  return outcome;
}

export function bytesOf(hexText: string): Buffer {
  return Buffer.from(hexText.replaceAll(/\s+/g, ''), 'hex');
}

function hex(pieces: readonly Buffer[]): string {
  return Buffer.concat(pieces).toString('hex');
}
