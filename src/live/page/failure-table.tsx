import type { Series } from './failure-history.ts';
import { clockTime } from './format.ts';
import type { Dimension } from './route.ts';
import { visibleText } from './visible-text.ts';

/** More lines than that nobody reads. */
const LINES = 200;

/** What the bars show, in numbers; where nothing failed there is no line. */
export function FailureTable(props: { series: readonly Series[]; by: Dimension; span: string }) {
  const { series, by, span } = props;
  const lines = series
    .flatMap(({ value, buckets }) => buckets.map(bucket => ({ value, ...bucket })))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.fromMs - a.fromMs || b.count - a.count);
  return (
    <details class="numbers">
      <summary>The same in numbers</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{span === '7d' ? 'Day' : 'Hour from'}</th>
            <th scope="col">{by}</th>
            <th scope="col" class="number">
              Failures
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, LINES).map(({ fromMs, value, count }) => (
            <tr key={`${fromMs} ${value}`}>
              <td>{bucketName(fromMs, span)}</td>
              <td>
                <bdi>{visibleText(value)}</bdi>
              </td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > LINES && <p class="dim">{lines.length - LINES} older lines are left out.</p>}
    </details>
  );
}

/** `14:00`, or `2026-03-01` for a day. */
export function bucketName(fromMs: number, span: string): string {
  // Against the epoch's day, so that the date is always there.
  const [date = '', clock = ''] = clockTime(new Date(fromMs).toISOString(), 0).split(' ');
  return span === '7d' ? date : clock.slice(0, 5);
}
