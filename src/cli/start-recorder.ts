import { systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { FolderStorage } from '../recorder/folder-storage.ts';
import type { RunningRecorder } from '../recorder/server.ts';
import { startRecorder } from '../recorder/server.ts';
import { writeReadyFile } from './ready-file.ts';
import { onStopSignal } from './signals.ts';

export interface RecorderCommand {
  readonly address: string;
  readonly port: number;
  readonly dir: string;
  readonly readyFile?: string;
}

/** How long uploads may take to end when the recorder is stopped. */
const GRACE_MS = 10_000;

/** `kubewitness recorder`: runs until a signal, then lets uploads end and exits 0. */
export async function runRecorder(command: RecorderCommand, log: Logger): Promise<void> {
  const recorder = await openRecorder(command, log);
  const address = `${recorder.host}:${recorder.port}`;
  process.stdout.write(`recorder listening on ${address}, recordings in ${command.dir}\n`);
  if (command.readyFile !== undefined) await writeReadyFile(command.readyFile, { address, pid: process.pid });
  await onStopSignal();
  await recorder.close(GRACE_MS);
}

async function openRecorder({ address, port, dir }: RecorderCommand, log: Logger): Promise<RunningRecorder> {
  const storage = await FolderStorage.open(dir, { clock: systemClock, log });
  return startRecorder({ host: address, port, storage, clock: systemClock, log });
}
