import { useState } from 'preact/hooks';
import { bytes } from './format.ts';
import { Player } from './player.tsx';
import { castUrl, MAX_PLAYED_BYTES } from './recordings-api.ts';
import type { Found } from './use-recordings.ts';
import { visibleText } from './visible-text.ts';
import { useRole } from './who-context.ts';

/** The recordings of one session, one at a time; or why there is nothing to play. */
export function Playback(props: {
  found: Found;
  /** Milliseconds on the cast's clock to go to; undefined: nowhere. */
  atMs: number | undefined;
  played: (castMs: number) => void;
}) {
  const { found, atMs, played } = props;
  const [chosen, setChosen] = useState(0);
  const mayPlay = useRole('auditor');
  return (
    <section class="panel" aria-label="Recording">
      <h2>Recording</h2>
      {found.kind === 'unavailable' && (
        <p class="empty">
          {mayPlay
            ? 'This proxy has no access to recordings; they are with the recorder.'
            : 'Playing recordings takes the role auditor.'}
        </p>
      )}
      {found.kind === 'looking' && <p class="empty">Looking …</p>}
      {found.kind === 'failed' && (
        <p class="empty tone-bad">The recordings could not be listed: {found.why}</p>
      )}
      {found.kind === 'found' && found.items.length === 0 && (
        <p class="empty">There is no recording of this session.</p>
      )}
      {found.kind === 'found' && found.items.length > 1 && (
        <p class="parts">
          {found.items.map((item, at) => (
            <button key={item.id} type="button" aria-pressed={at === chosen} onClick={() => setChosen(at)}>
              Part {found.items.length - at}
            </button>
          ))}
        </p>
      )}
      {found.kind === 'found' &&
        found.items.slice(chosen, chosen + 1).map(item => (
          <div key={item.id}>
            {!item.complete && (
              <p class="cause tone-warn">
                Not complete: {visibleText(item.incompleteReason ?? 'its end is missing')}
              </p>
            )}
            {item.bytes > MAX_PLAYED_BYTES ? (
              <p class="empty">
                With {bytes(item.bytes)} it is too large to play here (at most {bytes(MAX_PLAYED_BYTES)}).
              </p>
            ) : (
              <Player id={item.id} atMs={atMs} played={played} />
            )}
            <p class="dim">
              {bytes(item.bytes)} · <a href={castUrl(item.id)}>Download the cast</a>
            </p>
          </div>
        ))}
    </section>
  );
}
