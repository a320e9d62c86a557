/**
 * Between the two clocks, in milliseconds. Tokens, certificates and leases are judged by both; client libraries allow for
 * ten seconds and up, and a Date header is cut to whole seconds and old by the time of its journey.
 */
const MOST_MS = 10_000;

/** How far our clock is from the one behind a `Date` header, in words. Throws when it is too far. */
export function clockSkew(date: string | undefined, nowMs: number): string {
  if (date === undefined) return 'the API server does not say what time it is';
  const theirs = Date.parse(date);
  if (Number.isNaN(theirs)) throw new Error(`the API server's Date header is no date: ${date}`);
  const aheadMs = nowMs - theirs;
  const words = `our clock is ${Math.abs(aheadMs / 1000).toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the API server's`;
  if (Math.abs(aheadMs) > MOST_MS) throw new Error(words);
  return words;
}
