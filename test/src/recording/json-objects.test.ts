import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonObjects } from '../../../src/recording/json-objects.ts';

const MAX = 200;

function readAll(chunks: readonly Buffer[]): {
  objects: unknown[];
  violation: string | undefined;
  complete: boolean;
} {
  const reader = new JsonObjects(MAX);
  const objects: unknown[] = [];
  let violation: string | undefined;
  for (const chunk of chunks) {
    const result = reader.push(chunk);
    objects.push(...result.objects);
    violation ??= result.violation;
  }
  return { objects, violation, complete: reader.complete };
}

function everySplit(text: string): Buffer[][] {
  const bytes = Buffer.from(text);
  const twos = Array.from({ length: bytes.length + 1 }, (_, at) => [
    bytes.subarray(0, at),
    bytes.subarray(at),
  ]);
  return [...twos, Array.from(bytes, byte => Buffer.of(byte))];
}

describe('JSON objects in a row', () => {
  test.each<[string, string, unknown[]]>([
    ['one', '{"ack":12}', [{ ack: 12 }]],
    ['without white space', '{"ack":1}{"ack":2}{}', [{ ack: 1 }, { ack: 2 }, {}]],
    ['with white space', ' {"ack":1}\r\n\t{ }\n', [{ ack: 1 }, {}]],
    ['with braces in strings', '{"error":"}{\\"}\\\\"}{}', [{ error: '}{"}\\' }, {}]],
    ['nested', '{"a":{"b":[{}]}}{"c":1}', [{ a: { b: [{}] } }, { c: 1 }]],
    ['with characters of several bytes', '{"error":"漢字 €"}', [{ error: '漢字 €' }]],
    ['none', '', []],
  ])('%s, at every split', (_name, text, expected) => {
    for (const chunks of everySplit(text))
      expect(readAll(chunks)).toEqual({ objects: expected, violation: undefined, complete: true });
  });

  test.each<[string, string, unknown[], RegExp]>([
    ['junk before', 'ok{}', [], /expected "\{", got byte 111/],
    ['junk between', '{"ack":1},{"ack":2}', [{ ack: 1 }], /got byte 44/],
    ['an array', '[{"ack":1}]', [], /got byte 91/],
    ['a byte order mark', '\ufeff{}', [], /got byte 239/],
    ['no JSON inside', '{"ack":1}{ack:2}', [{ ack: 1 }], /not JSON/],
    ['too long', `{"error":"${'x'.repeat(MAX)}"}`, [], /more than 200 bytes/],
    ['too deep to be short', '{"a":'.repeat(100), [], /more than 200 bytes/],
  ])('%s ends it, at every split', (_name, text, expected, says) => {
    for (const chunks of everySplit(`${text}{"ack":9}`)) {
      const result = readAll(chunks);
      expect(result).toEqual({ objects: expected, violation: expect.stringMatching(says), complete: false });
    }
  });

  test('the longest allowed object passes', () => {
    const text = `{"e":"${'x'.repeat(MAX - 8)}"}`;
    expect(text).toHaveLength(MAX);
    expect(readAll([Buffer.from(text)]).objects).toHaveLength(1);
  });

  test('knows whether it may end', () => {
    const reader = new JsonObjects(MAX);
    expect(reader.complete).toBe(true);
    reader.push(Buffer.from('{"ack"'));
    expect(reader.complete).toBe(false);
    reader.push(Buffer.from(':1}'));
    expect(reader.complete).toBe(true);
  });

  test('whatever the objects, their texts and the cuts', () => {
    const object = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
    fc.assert(
      fc.property(
        fc.array(object, { maxLength: 5 }),
        fc.array(fc.nat(300), { maxLength: 5 }),
        (objects, cuts) => {
          const texts = objects
            .map(value => JSON.stringify(value))
            .filter(text => Buffer.byteLength(text) <= MAX);
          const bytes = Buffer.from(texts.join('\n'));
          const edges = [0, ...cuts.filter(cut => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index] ?? 0, end));
          expect(readAll(chunks).objects).toEqual(texts.map(text => JSON.parse(text) as unknown));
        },
      ),
    );
  });
});
