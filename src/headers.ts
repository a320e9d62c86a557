/** Header lines as Node's `rawHeaders` has them: name, value, name, value … with repeats, order and case kept. */
export type RawHeaders = readonly string[];
