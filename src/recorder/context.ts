import type { Clock } from '../clock.ts';
import type { AccessCheck } from './access.ts';
import type { RecorderServerLimits } from './limits.ts';
import type { RecorderLog } from './log.ts';
import type { RecordingStorage } from './storage.ts';
import type { Uploads } from './uploads.ts';

/** What every request handler of one recorder shares. */
export interface RecorderContext {
  readonly storage: RecordingStorage;
  /** For the durations in log lines; times of recordings are the storage's. */
  readonly clock: Clock;
  readonly log: RecorderLog;
  readonly limits: RecorderServerLimits;
  readonly uploads: Uploads;
  readonly access: AccessCheck;
  /** True from `close` on: nothing new is taken. */
  readonly isStopping: () => boolean;
}
