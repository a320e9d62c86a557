import { duration } from './format.ts';
import { stateLook } from './look.ts';
import type { Stay } from './timeline.ts';

/** A stay of no length is still a place on the line. */
const LEAST_SHARE = 0.6;

/** The session's states along its time; what is in no recording is hatched. Moves with arrow keys. */
export function Scrubber(props: {
  stays: readonly Stay[];
  wholeMs: number;
  atMs: number;
  state: string;
  moved: (ms: number | undefined) => void;
}) {
  const { stays, wholeMs, atMs, state, moved } = props;
  const length = Math.max(1, wholeMs);
  const shown = stays.filter(stay => stay.state !== 'closed');
  return (
    <div class="scrubber">
      <div class="strip" aria-hidden="true">
        {shown.map((stay, at) => (
          <span
            key={at}
            class={`stay tone-${stateLook(stay.state).tone}${stay.state === 'joined.failingOpen' ? ' gap' : ''}`}
            style={{ flexGrow: Math.max(LEAST_SHARE, ((stay.toMs - stay.fromMs) / length) * 100) }}
            title={`${stay.state}, ${duration(stay.toMs - stay.fromMs)}`}
          >
            <i>{stay.state.split('.').at(-1)}</i>
          </span>
        ))}
      </div>
      <input
        type="range"
        min={0}
        max={length}
        step={Math.max(1, Math.round(length / 1000))}
        value={atMs}
        aria-label="Moment of the session"
        aria-valuetext={`${duration(atMs)}, ${state}`}
        onInput={event => {
          const value = Number(event.currentTarget.value);
          moved(value >= length ? undefined : value);
        }}
      />
    </div>
  );
}
