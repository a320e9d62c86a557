import 'asciinema-player/dist/bundle/asciinema-player.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SessionView } from '../../session/view.ts';
import { watchPath } from '../feed-message.ts';
import { TERMINAL_FONT } from './player.tsx';
import { visibleText } from './visible-text.ts';
import { useRole } from './who-context.ts';

/** A session while it runs. Looking is a deed, and is audited, so it begins with a click. */
export function Watch({ session }: { session: SessionView }) {
  const [watching, setWatching] = useState(false);
  const mayWatch = useRole('auditor');
  return (
    <section class="panel" aria-label="Live">
      <h2>Live</h2>
      {!mayWatch && <p class="empty">Watching a session, or its recording, takes the role auditor.</p>}
      {mayWatch && !isRecorded(session) && (
        <p class="empty">There is nothing to watch: what is watched is the recording, and there is none.</p>
      )}
      {mayWatch && isRecorded(session) && !watching && (
        <p class="empty">
          <button type="button" onClick={() => setWatching(true)}>
            Watch
          </button>{' '}
          The audit is told that you do. Nothing that you type goes to the session.
        </p>
      )}
      {mayWatch && isRecorded(session) && watching && (
        <>
          {session.state === 'joined.failingOpen' && (
            <p class="cause tone-warn">
              It goes on unrecorded: nothing new is shown until a recorder is back.
            </p>
          )}
          <LiveScreen id={session.id} />
        </>
      )}
    </section>
  );
}

function LiveScreen({ id }: { id: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [note, setNote] = useState<string>();
  useEffect(() => {
    let dispose = (): void => {};
    let wanted = true;
    const begin = async (): Promise<void> => {
      const { create } = await import('asciinema-player');
      if (!wanted || place.current === null) return;
      const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
      const player = create(`${scheme}//${location.host}${watchPath(id)}`, place.current, {
        fit: 'width',
        autoPlay: true,
        controls: false,
        terminalFontFamily: TERMINAL_FONT,
      });
      dispose = () => player.dispose();
      // Of a live cast a marker comes as its text alone, whatever the player's types say.
      player.addEventListener('marker', (marker: unknown) => {
        if (typeof marker === 'string') setNote(marker);
      });
    };
    begin().catch((error: unknown) => setNote(`It cannot be shown: ${String(error)}`));
    return () => {
      wanted = false;
      dispose();
    };
  }, [id]);
  return (
    <>
      <div class="player" ref={place} data-live={id} />
      <p class="dim" role="status">
        {note === undefined ? '' : visibleText(note.replace(/^kubewitness: /, ''))}
      </p>
    </>
  );
}

function isRecorded({ state, failMode }: SessionView): boolean {
  return failMode !== undefined && (state === 'joined.streaming' || state === 'joined.failingOpen');
}
