// Parameters that searches of recordings and of events have in common. A string is what is wrong with them.

const DEFAULT_LISTED = 100;

export interface Period {
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** A mistyped filter must not show everything. */
export function flawOfNames(params: URLSearchParams, known: readonly string[]): string | undefined {
  for (const name of params.keys()) {
    if (!known.includes(name)) return `there is no filter ${name}`;
    if (params.getAll(name).length > 1) return `${name} is given twice`;
  }
  return undefined;
}

export function readPeriod(params: URLSearchParams): Period | string {
  const since = timeOf(params.get('since'));
  const until = timeOf(params.get('until'));
  if (Number.isNaN(since)) return 'since is not an ISO 8601 time';
  if (Number.isNaN(until)) return 'until is not an ISO 8601 time';
  return {
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
  };
}

/** At most `maxListed`, however much is asked for. */
export function readLimit(params: URLSearchParams, maxListed: number): number | string {
  const limit = params.get('limit');
  if (limit !== null && !/^[1-9]\d{0,8}$/.test(limit)) return 'limit is not a positive number';
  return Math.min(limit === null ? DEFAULT_LISTED : Number(limit), maxListed);
}

export function readTexts<Name extends string>(
  params: URLSearchParams,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const text = params.get(name);
    if (text !== null) Object.assign(texts, { [name]: text });
  }
  return texts;
}

/** Milliseconds since the epoch; NaN for what is no time. A date alone is its UTC midnight. */
function timeOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  return /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(text) ? Date.parse(text) : Number.NaN;
}
