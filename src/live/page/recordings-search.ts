import type { Sought } from './route.ts';

/** What the recorder is asked: the same, with days as the moments at which they begin and end where the reader is. */
export function searchParams({ from, to, ...texts }: Sought): Record<string, string> {
  return {
    ...texts,
    ...(from === undefined ? {} : { since: startOf(from, 0) }),
    ...(to === undefined ? {} : { until: startOf(to, 1) }),
  };
}

/** What is no day is passed on as it is, and refused there: a mistyped filter must not show everything. */
function startOf(day: string, later: number): string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? [];
  const time = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(time.getTime()) ? day : time.toISOString();
}
