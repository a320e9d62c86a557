/** Header lines as Node's `rawHeaders` has them: name, value, name, value … with repeats, order and case kept. */
export type RawHeaders = readonly string[];

/** Connection-specific fields (RFC 9110 section 7.6.1, and what older peers add to them), lower-case. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** The lines as pairs, in order. A name without a value at the end of the list is no line. */
export function pairsOf(raw: RawHeaders): (readonly [name: string, value: string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return pairs;
}

/** The values of every line of that name, in order. Names are compared without regard to case. */
export function valuesOf(raw: RawHeaders, name: string): string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const candidate = raw[at] ?? '';
    // Most names differ in length already, and this is asked many times for each request.
    if (candidate.length === wanted.length && candidate.toLowerCase() === wanted)
      values.push(raw[at + 1] ?? '');
  }
  return values;
}

/** The members of all lines of a list-valued header, trimmed, empty ones left out (RFC 9110 section 5.6.1). */
export function listOf(raw: RawHeaders, name: string): string[] {
  return valuesOf(raw, name)
    .flatMap(value => value.split(','))
    .map(member => member.trim())
    .filter(member => member !== '');
}

/** What `Connection` lists, lower-case. */
export function connectionTokens(raw: RawHeaders): ReadonlySet<string> {
  const tokens = listOf(raw, 'connection');
  return tokens.length === 0 ? NONE : new Set(tokens.map(token => token.toLowerCase()));
}

const NONE: ReadonlySet<string> = new Set();

/** Upstream's header lines as the client is to have them: end-to-end ones only, repeats, order and case kept. */
export function upstreamResponseHeaders(raw: RawHeaders): string[] {
  const named = connectionTokens(raw);
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower)) kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
}
