import { systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Access } from '../recorder/access.ts';
import { FolderStorage } from '../recorder/folder-storage.ts';
import { Retention } from '../recorder/retention.ts';
import { S3Client } from '../recorder/s3-client.ts';
import { S3Storage } from '../recorder/s3-storage.ts';
import type { RecorderTls } from '../recorder/server.ts';
import { startRecorder } from '../recorder/server.ts';
import type { RecordingStorage } from '../recorder/storage.ts';
import { after } from './after.ts';
import { announce } from './announce.ts';
import { followFiles } from './follow-files.ts';
import { authoritiesIn } from './identity-sources.ts';
import { checkedPair } from './key-pair.ts';
import type { ReadText } from './live-files.ts';
import { readText } from './read-text.ts';
import { writeReadyFile } from './ready-file.ts';
import { credentialsSource } from './recordings-credentials.ts';
import { tokensIn } from './recordings-tokens.ts';
import { onReloadSignal, onStopSignal } from './signals.ts';

/** `kubewitness recorder` as it was typed. */
export interface RecorderCommand {
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  readonly readyFile?: string;
  readonly maxRecordingBytes?: number;
  readonly maxUploads?: number;
  readonly minFreeBytes?: number;
  readonly keepDays?: number;
  readonly keepBytes?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly uploadTokenFile?: string;
  readonly readTokenFile?: string;
  readonly s3Bucket?: string;
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3Prefix?: string;
  readonly s3CredentialsFile?: string;
  readonly maxSpoolBytes?: number;
}

/** How long uploads may take to end when the recorder is stopped. */
const GRACE_MS = 10_000;
const DAY_MS = 86_400_000;

/** Runs until a signal, then lets uploads end and exits 0. */
export async function runRecorder(command: RecorderCommand, log: Logger): Promise<void> {
  let changed = (_credentials: Credentials): void => {};
  const credentials = followFiles({
    make: read => readCredentials(command, read),
    read: readText,
    after,
    taken: (made, files) => {
      log.info({ files }, 'credentials read again');
      changed(made);
    },
    refused: (files, problems) =>
      log.warn({ files, problems }, 'credentials not read again; the last ones stay in use'),
  });
  const { tls, access } = credentials.made();
  if (tls === undefined && (access.uploadTokens ?? access.readTokens) !== undefined) {
    log.warn({}, 'tokens without --tls-cert travel in the clear: keep this port on a private network');
  }
  const storage = await openStorage(command, log);
  const { maxRecordingBytes, maxUploads, keepDays, keepBytes } = command;
  const recorder = await startRecorder({
    host: command.address,
    port: command.port,
    storage,
    clock: systemClock,
    log,
    access,
    limits: {
      ...(maxRecordingBytes !== undefined && { maxRecordingBytes }),
      ...(maxUploads !== undefined && { maxConcurrentUploads: maxUploads }),
    },
    ...(tls !== undefined && { tls }),
  });
  const policy = {
    ...(keepDays !== undefined && { keepMs: keepDays * DAY_MS }),
    ...(keepBytes !== undefined && { keepBytes }),
  };
  changed = made => recorder.setCredentials(made);
  // What came while it was starting.
  changed(credentials.made());
  const limited = keepDays !== undefined || keepBytes !== undefined;
  const retention = limited ? new Retention({ storage, policy, clock: systemClock, log }) : undefined;
  const address = `${recorder.host}:${recorder.port}`;
  announce(`recorder listening on ${address}, recordings in ${placeOf(command)}\n`);
  if (command.readyFile !== undefined) await writeReadyFile(command.readyFile, { address, pid: process.pid });
  onReloadSignal(() => credentials.now());
  await onStopSignal();
  credentials.close();
  await retention?.stop();
  await recorder.close(GRACE_MS);
  await storage.close();
}

function placeOf({ dir, s3Bucket, s3Prefix = '' }: RecorderCommand): string {
  return s3Bucket === undefined ? dir : `s3://${s3Bucket}/${s3Prefix} by way of ${dir}`;
}

async function openStorage(command: RecorderCommand, log: Logger): Promise<RecordingStorage> {
  const { dir, minFreeBytes, maxSpoolBytes, s3Bucket, s3Endpoint, s3Region = 'us-east-1' } = command;
  const common = { clock: systemClock, log, ...(minFreeBytes !== undefined && { minFreeBytes }) };
  if (s3Bucket === undefined) {
    const idle = [s3Endpoint, command.s3Region, command.s3Prefix, command.s3CredentialsFile, maxSpoolBytes];
    if (idle.some(option => option !== undefined)) {
      throw new Error('--s3-… and --max-spool-bytes are for recordings in a bucket: --s3-bucket is missing');
    }
    return FolderStorage.open(dir, common);
  }
  const prefix = command.s3Prefix ?? '';
  const credentials = credentialsSource(command.s3CredentialsFile, process.env);
  await credentials();
  const client = new S3Client({
    endpoint: httpUrl('--s3-endpoint', s3Endpoint ?? `https://s3.${s3Region}.amazonaws.com`),
    region: s3Region,
    bucket: s3Bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    credentials,
  });
  return S3Storage.open({
    ...common,
    client,
    spool: dir,
    ...(maxSpoolBytes !== undefined && { maxSpoolBytes }),
  });
}

interface Credentials {
  readonly tls: RecorderTls | undefined;
  readonly access: Access;
}

function readCredentials(command: RecorderCommand, read: ReadText): Credentials {
  return { tls: readTls(command, read), access: readAccess(command, read) };
}

function readTls(command: RecorderCommand, read: ReadText): RecorderTls | undefined {
  const { tlsCert, tlsKey, clientCa } = command;
  if (tlsCert === undefined && tlsKey === undefined) {
    if (clientCa !== undefined) throw new Error('--client-ca needs --tls-cert and --tls-key');
    return undefined;
  }
  if (tlsCert === undefined || tlsKey === undefined) throw new Error('--tls-cert and --tls-key go together');
  return {
    ...checkedPair({ cert: read(tlsCert), key: read(tlsKey) }),
    ...(clientCa !== undefined && { clientCa: checkedAuthorities(clientCa, read) }),
  };
}

function checkedAuthorities(file: string, read: ReadText): string {
  authoritiesIn(file, read);
  return read(file);
}

function readAccess({ uploadTokenFile, readTokenFile, clientCa }: RecorderCommand, read: ReadText): Access {
  const tokens = (file: string): readonly string[] => tokensIn(read(file), file);
  return {
    ...(uploadTokenFile !== undefined && { uploadTokens: tokens(uploadTokenFile) }),
    ...(readTokenFile !== undefined && { readTokens: tokens(readTokenFile) }),
    clientCertificates: clientCa !== undefined,
  };
}

function httpUrl(option: string, text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new Error(`${option} is not an http or https address: ${text}`);
}
