/** The first line of an asciicast v2, cut down to what an index of recordings needs. Keys as on the wire. */
export interface CastHeader {
  /** Characters; 0 without a terminal. */
  readonly width: number;
  readonly height: number;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly command?: string;
  readonly srcNode?: string;
  readonly srcNodeUser?: string;
  /** PodName, Namespace, Container, SessionType. */
  readonly kubernetes?: Readonly<Record<string, string>>;
  /** Our proxy's own additions, whatever they are: the recorder interprets only `sessionId`. */
  readonly kubewitness?: Readonly<Record<string, unknown>>;
}

const KUBERNETES_KEYS = ['PodName', 'Namespace', 'Container', 'SessionType'] as const;
const TEXT_KEYS = ['command', 'srcNode', 'srcNodeUser'] as const;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads one header line. A string is the reason why it is none. */
export function parseCastHeader(line: string): CastHeader | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the header is not JSON';
  }
  if (!isObject(value)) return 'the header is not a JSON object';
  if (value['version'] !== 2) return 'the header is not of asciicast version 2';
  return pickCastHeader(value) ?? 'the header has no width and height';
}

/** Takes the known fields of the right type and leaves the others out. Undefined without a size. */
export function pickCastHeader(value: Readonly<Record<string, unknown>>): CastHeader | undefined {
  const { width, height, timestamp, kubernetes, kubewitness } = value;
  if (!isCharacters(width) || !isCharacters(height)) return undefined;
  return {
    width,
    height,
    ...(typeof timestamp === 'number' && { timestamp }),
    ...pickText(value, TEXT_KEYS),
    ...(isObject(kubernetes) && { kubernetes: pickText(kubernetes, KUBERNETES_KEYS) }),
    ...(isObject(kubewitness) && { kubewitness }),
  };
}

/** The proxy's session id, when the header names one. */
export function sessionIdOf(header: CastHeader | undefined): string | undefined {
  const id = header?.kubewitness?.['sessionId'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function isCharacters(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function pickText(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const key of keys) {
    const text = from[key];
    if (typeof text === 'string') picked[key] = text;
  }
  return picked;
}
