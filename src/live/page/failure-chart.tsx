import type { Bucket, Series } from './failure-history.ts';
import { bucketName } from './failure-table.tsx';
import type { Dimension } from './route.ts';
import { visibleText } from './visible-text.ts';

const WIDTH = 600;
const HEIGHT = 46;
/** Rows of a chart; the table beneath has them all. */
const SHOWN = 8;

/** When in its life a recording fails, in words. */
const PHASES: Readonly<Record<string, string>> = {
  connect: 'no recorder accepted it',
  header: 'it could not begin',
  stream: 'lost while it ran',
  ack: 'not confirmed in time',
  finalise: 'its end was not confirmed',
  policy: 'no rule asked for it',
  process: 'the proxy was gone',
};

/** One row of bars for each value, all to one scale, so that nothing is told by colour. The table beneath says the same. */
export function FailureChart(props: { series: readonly Series[]; by: Dimension; span: string }) {
  const { series, by, span } = props;
  const most = Math.max(1, ...series.flatMap(({ buckets }) => buckets.map(({ count }) => count)));
  return (
    <div class="bars">
      {series.slice(0, SHOWN).map(({ value, total, buckets }) => (
        <figure key={value}>
          <figcaption>
            <bdi>{visibleText(value)}</bdi> <b>{total}</b>
            {by === 'phase' && PHASES[value] !== undefined && <span class="dim under">{PHASES[value]}</span>}
          </figcaption>
          <svg
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${by} ${visibleText(value)}: ${total} in ${buckets.length} ${span === '7d' ? 'days' : 'hours'}, at most ${Math.max(...buckets.map(({ count }) => count))} in one`}
          >
            <path class="floor" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
            {buckets.map((bucket, at) => (
              <Bar key={bucket.fromMs} bucket={bucket} at={at} of={buckets.length} most={most} span={span} />
            ))}
          </svg>
        </figure>
      ))}
      <Axis buckets={series[0]?.buckets ?? []} span={span} />
      <p class="axis dim">The highest bar stands for {most}.</p>
      {series.length > SHOWN && <p class="dim">{series.length - SHOWN} more in the numbers below.</p>}
    </div>
  );
}

function Bar(props: { bucket: Bucket; at: number; of: number; most: number; span: string }) {
  const { bucket, at, of, most, span } = props;
  if (bucket.count === 0) return null;
  const step = WIDTH / of;
  const height = Math.max(4, (bucket.count / most) * (HEIGHT - 4));
  return (
    <rect x={at * step + step * 0.12} y={HEIGHT - height} width={step * 0.76} height={height}>
      <title>{`${bucketName(bucket.fromMs, span)}: ${bucket.count}`}</title>
    </rect>
  );
}

/** First, middle and last, in words: the bars are stretched, words must not be. */
function Axis({ buckets, span }: { buckets: readonly Bucket[]; span: string }) {
  const marks = [buckets[0], buckets[Math.floor(buckets.length / 2)], buckets.at(-1)];
  return (
    <p class="axis dim" aria-hidden="true">
      {marks.map((bucket, at) =>
        bucket === undefined ? null : <span key={at}>{bucketName(bucket.fromMs, span)}</span>,
      )}
    </p>
  );
}
