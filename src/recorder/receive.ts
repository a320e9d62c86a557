import type { BodyReader, BodyStep } from './body-reader.ts';
import type { RecorderContext } from './context.ts';
import type { Manifest, RecordingOrigin } from './manifest.ts';
import { type RecordingWriter, storageErrorOf } from './storage.ts';

/** What the sender is told instead of success. 507 is RFC 4918 section 11.5. */
export interface UploadRefusal {
  readonly status: 500 | 503 | 507;
  /** For who counts failures; a sender that knows nothing of it reads the message alone. */
  readonly kind?: 'disk' | 'size' | 'shutdown';
  readonly message: string;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly writer: RecordingWriter }
  | { readonly kind: 'refused'; readonly refusal: UploadRefusal };

export type UploadResult =
  | { readonly kind: 'stored'; readonly manifest: Manifest }
  /** Nobody is left to be told. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly refusal: UploadRefusal };

/** The protocol's side of an upload. */
export interface UploadSender {
  /** Hears the total after each chunk that is in the storage. */
  written(totalBytes: number): void;
  /** Why a body that ended in order is not to be trusted after all. */
  doubt(): string | undefined;
}

const STOPPING: UploadRefusal = { status: 503, kind: 'shutdown', message: 'the recorder is stopping' };
const BUSY: UploadRefusal = { status: 503, message: 'the recorder has too many uploads' };

/** Makes room for a recording before a byte of it is asked for. */
export async function admit(context: RecorderContext, origin: RecordingOrigin): Promise<Admission> {
  if (context.isStopping()) return { kind: 'refused', refusal: STOPPING };
  try {
    const writer = await context.storage.open(origin);
    context.log.info({ recordingId: writer.id, ...origin }, 'upload accepted');
    return { kind: 'admitted', writer };
  } catch (error) {
    context.log.error({ err: error, ...origin }, 'no recording could be opened');
    return { kind: 'refused', refusal: refusalOf(error) };
  }
}

/** The answer when `uploads.isFull`; asked before anything is awaited, so that the bound is exact. */
export function refuseBusy(context: RecorderContext, origin: RecordingOrigin): UploadRefusal {
  context.log.warn({ ...origin, maxConcurrentUploads: context.limits.maxConcurrentUploads }, BUSY.message);
  return BUSY;
}

/**
 * Writes a whole body, a chunk at a time, and files the recording whatever way the body ends. Never rejects.
 */
export async function receive(
  context: RecorderContext,
  body: BodyReader,
  writer: RecordingWriter,
  sender: UploadSender,
): Promise<UploadResult> {
  const startedMs = context.clock.monotonic();
  const uploadMs = (): number => Math.round(context.clock.monotonic() - startedMs);
  try {
    const step = await writeBody(body, writer, context.limits.maxRecordingBytes, sender);
    if (step.kind !== 'end') {
      await keepCut(context, writer, step.reason, uploadMs);
      if (step.kind === 'lost') return { kind: 'lost' };
      const why =
        step.kind === 'stopped'
          ? ({ status: 503, kind: 'shutdown' } as const)
          : ({ status: 507, kind: 'size' } as const);
      return { kind: 'refused', refusal: { ...why, message: step.reason } };
    }
    const manifest = await writer.finish(() => sender.doubt());
    logFiled(context, manifest, uploadMs());
    return { kind: 'stored', manifest };
  } catch (error) {
    context.log.error({ err: error, recordingId: writer.id }, 'a recording could not be stored');
    const refusal = refusalOf(error);
    await keepCut(context, writer, refusal.message, uploadMs);
    return { kind: 'refused', refusal };
  }
}

type BodyEnd = Exclude<BodyStep, { kind: 'chunk' }> | { readonly kind: 'tooLarge'; readonly reason: string };

async function writeBody(
  body: BodyReader,
  writer: RecordingWriter,
  maxBytes: number,
  sender: UploadSender,
): Promise<BodyEnd> {
  let totalBytes = 0;
  for (;;) {
    const step = await body.next();
    if (step.kind !== 'chunk') return step;
    const fits = step.bytes.subarray(0, maxBytes - totalBytes);
    await writer.write(fits);
    totalBytes += fits.length;
    sender.written(totalBytes);
    if (fits.length < step.bytes.length) {
      return { kind: 'tooLarge', reason: `the recording is larger than ${maxBytes} bytes` };
    }
  }
}

/** If even this fails, the `.part` file stays, and the next start of the recorder files it. */
async function keepCut(
  context: RecorderContext,
  writer: RecordingWriter,
  reason: string,
  uploadMs: () => number,
): Promise<void> {
  const recordingId = writer.id;
  try {
    const manifest = await writer.fail(reason);
    if (manifest !== undefined) logFiled(context, manifest, uploadMs());
    else context.log.info({ recordingId, reason }, 'an upload ended before its first byte');
  } catch (error) {
    context.log.error({ err: error, recordingId, reason }, 'a cut recording could not be filed');
  }
}

function logFiled(context: RecorderContext, manifest: Manifest, uploadMs: number): void {
  const { id: recordingId, sessionId, file, bytes, events, complete, incompleteReason } = manifest;
  const facts = { recordingId, sessionId, file, bytes, events, incompleteReason, uploadMs };
  if (complete) context.log.info(facts, 'recording stored');
  else context.log.warn(facts, 'recording stored, not complete');
}

function refusalOf(thrown: unknown): UploadRefusal {
  const { kind, message } = storageErrorOf(thrown);
  if (kind === 'full')
    return { status: 507, kind: 'disk', message: `the recorder has no room left: ${message}` };
  // The error text may name paths of this host: it is in the log only.
  return { status: 500, kind: 'disk', message: 'the recorder cannot store the recording' };
}
