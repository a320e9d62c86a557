import 'asciinema-player/dist/bundle/asciinema-player.css';
import type { Player as AsciinemaPlayer } from 'asciinema-player';
import { useEffect, useRef, useState } from 'preact/hooks';
import { fetchCast } from './recordings-api.ts';

export const TERMINAL_FONT = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace';
/** How often the scrubber follows the player. */
const FOLLOW_MS = 100;
/** Further apart than this, the scrubber was moved by hand. */
const JUMP_MS = 700;

/** Plays one cast; `played` is told where it is while it runs, and it goes where the scrubber is put. */
export function Player(props: { id: string; atMs: number | undefined; played: (castMs: number) => void }) {
  const { id, atMs, played } = props;
  const place = useRef<HTMLDivElement>(null);
  const player = useRef<AsciinemaPlayer>(null);
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setInterval> | undefined;
    const begin = async (): Promise<void> => {
      const [{ create }, cast] = await Promise.all([import('asciinema-player'), fetchCast(id, abort.signal)]);
      if (abort.signal.aborted || place.current === null) return;
      if (cast.trimEnd().split('\n', 2).length < 2) {
        setTrouble('The session wrote nothing.');
        return;
      }
      const made = create({ data: cast }, place.current, {
        fit: 'width',
        preload: true,
        poster: 'npt:0:0.1',
        controls: true,
        terminalFontFamily: TERMINAL_FONT,
      });
      player.current = made;
      made.addEventListener('playing', () => {
        clearInterval(timer);
        timer = setInterval(() => played(made.getCurrentTime() * 1000), FOLLOW_MS);
      });
      for (const event of ['pause', 'ended'] as const)
        made.addEventListener(event, () => clearInterval(timer));
    };
    begin().catch((error: unknown) => {
      if (!abort.signal.aborted) setTrouble(`It could not be played: ${String(error)}`);
    });
    return () => {
      abort.abort();
      clearInterval(timer);
      player.current?.dispose();
      player.current = null;
    };
  }, [id]);
  useEffect(() => {
    const made = player.current;
    if (made === null || atMs === undefined) return;
    const castMs = Math.max(0, atMs);
    if (Math.abs(made.getCurrentTime() * 1000 - castMs) > JUMP_MS) void made.seek(castMs / 1000);
  }, [atMs]);
  return (
    <>
      {trouble !== undefined && <p class="empty">{trouble}</p>}
      <div class="player" ref={place} data-recording={id} />
    </>
  );
}
