import { pino } from 'pino';

/** The part of a logger that the program uses: one object of facts, one short constant message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger whose level can be changed while it is in use. */
export interface LeveledLogger extends Logger {
  level: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard error, so that standard output stays the commands' own. */
export function createLogger(level: LogLevel): LeveledLogger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Header objects and tokens are never logged; this is the net below that rule.
      redact: { paths: ['*.authorization', '*.token', 'authorization', 'token'], remove: true },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
