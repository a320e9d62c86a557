/** What the recorder needs of a logger: one object of facts, one constant message. Payload is never logged. */
export interface RecorderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
