import { badRequest, unsupportedMediaType } from './failure.ts';
import type { JsonObject } from './json.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** Marks a body as `runtime.Unknown` (apimachinery, serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0', 'latin1');
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** The length-delimited fields of one message by number; numbers and flags are kept apart. */
interface Message {
  readonly bytes: ReadonlyMap<number, readonly Buffer[]>;
  readonly numbers: ReadonlyMap<number, number>;
}

/**
 * A config map that came as protobuf, which newer kubectl sends from `create configmap`. Other kinds come as JSON.
 *
 * @throws ApiFailure 400, 415
 */
export function objectFromProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw badRequest('the body is no Kubernetes protobuf');
  const unknown = parse(body.subarray(MAGIC.length));
  const type = parse(one(unknown, 1));
  const kind = one(type, 2).toString('utf8');
  if (kind !== 'ConfigMap') throw unsupportedMediaType(`${PROTOBUF_TYPE} of kind ${kind}`);
  const map = parse(one(unknown, 2));
  return {
    apiVersion: 'v1',
    kind,
    metadata: metadataOf(parse(one(map, 1))),
    data: entries(map, 2, 'utf8'),
    binaryData: entries(map, 3, 'base64'),
    immutable: map.numbers.get(4) === 1 ? true : undefined,
  };
}

/** Field numbers of meta/v1 ObjectMeta in its generated.proto. */
function metadataOf(metadata: Message): JsonObject {
  const text = (field: number) => metadata.bytes.get(field)?.[0]?.toString('utf8') || undefined;
  return {
    name: text(1),
    generateName: text(2),
    namespace: text(3),
    uid: text(5),
    resourceVersion: text(6),
    labels: entries(metadata, 11, 'utf8'),
    annotations: entries(metadata, 12, 'utf8'),
    finalizers: metadata.bytes.get(14)?.map(finalizer => finalizer.toString('utf8')),
  };
}

/** A map is a repeated message of key and value. */
function entries(message: Message, field: number, encoding: 'utf8' | 'base64'): JsonObject | undefined {
  const pairs = message.bytes.get(field)?.map(parse);
  if (pairs === undefined) return undefined;
  return Object.fromEntries(
    pairs.map(pair => [one(pair, 1).toString('utf8'), one(pair, 2).toString(encoding)]),
  );
}

/** The last one counts where a field should be there once; an absent one is empty. */
function one(message: Message, field: number): Buffer {
  return message.bytes.get(field)?.at(-1) ?? Buffer.alloc(0);
}

function parse(buffer: Buffer): Message {
  const bytes = new Map<number, Buffer[]>();
  const numbers = new Map<number, number>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at];
      if (byte === undefined || scale > Number.MAX_SAFE_INTEGER) throw badRequest('protobuf body is cut');
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < buffer.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (key % 8 === VARINT) numbers.set(field, varint());
    else if (key % 8 === LENGTH_DELIMITED) {
      const end = varint() + at;
      if (end > buffer.length) throw badRequest('protobuf body is cut');
      bytes.set(field, [...(bytes.get(field) ?? []), buffer.subarray(at, end)]);
      at = end;
    } else throw badRequest(`protobuf wire type ${String(key % 8)}`);
  }
  return { bytes, numbers };
}
