import 'asciinema-player/dist/bundle/asciinema-player.css';
import type { Player as AsciinemaPlayer } from 'asciinema-player';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { CastWindow } from './cast-windows.ts';
import { duration } from './format.ts';
import { useWindow } from './use-window.ts';

export const TERMINAL_FONT = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace';
/** How often the scrubber follows the player. */
const FOLLOW_MS = 100;
/** Further apart than this, the scrubber was moved by hand. */
const JUMP_MS = 700;

/** A poster shows what is before its moment. Seconds. */
const JUST_AFTER = 0.001;

export interface PlayerProps {
  readonly id: string;
  readonly bytes: number;
  readonly durationSeconds: number;
  /** Milliseconds on the cast's clock to go to; undefined: nowhere. */
  readonly atMs: number | undefined;
  readonly played: (castMs: number) => void;
}

/** Plays one cast, window by window; `played` is told where it is, and it goes where the scrubber is put. */
export function Player({ id, bytes, durationSeconds, atMs, played }: PlayerProps) {
  const { shown, trouble, goTo } = useWindow(id, bytes);
  const player = useRef<AsciinemaPlayer>(null);
  useEffect(() => {
    if (atMs === undefined || shown === undefined) return;
    const seconds = Math.max(0, atMs) / 1000;
    const { window } = shown;
    if (seconds < window.fromSeconds || (seconds > window.toSeconds && !window.last)) {
      goTo(seconds, false);
    } else if (player.current !== null) {
      const there = window.fromSeconds + player.current.getCurrentTime();
      if (Math.abs(there - seconds) * 1000 > JUMP_MS) void player.current.seek(seconds - window.fromSeconds);
    }
  }, [atMs]);
  if (trouble !== undefined) return <p class="empty tone-bad">It could not be played: {trouble}</p>;
  if (shown === undefined) return <p class="empty">Loading …</p>;
  const { window, startAt, playing } = shown;
  if (window.last && window.fromSeconds === 0 && window.data.trimEnd().split('\n', 2).length < 2) {
    return <p class="empty">The session wrote nothing.</p>;
  }
  const whole = window.last && window.fromSeconds === 0;
  return (
    <>
      {!whole && (
        <Seek window={window} durationSeconds={durationSeconds} chosen={seconds => goTo(seconds, false)} />
      )}
      <Screen
        key={`${id} ${window.fromSeconds} ${startAt}`}
        id={id}
        data={window.data}
        startAt={startAt}
        poster={whole && startAt === 0 ? window.toSeconds + JUST_AFTER : Math.max(0.1, startAt)}
        playing={playing}
        made={made => {
          player.current = made;
        }}
        played={seconds => played((window.fromSeconds + seconds) * 1000)}
        ended={() => {
          if (!window.last) goTo(window.toSeconds, true);
        }}
      />
    </>
  );
}

/** Where in a large cast one is. */
function Seek(props: { window: CastWindow; durationSeconds: number; chosen: (seconds: number) => void }) {
  const { window, durationSeconds, chosen } = props;
  const { fromSeconds, toSeconds } = window;
  /** While it is held, and until what was wished is there, it stays where it was put. */
  const [put, setPut] = useState<number>();
  useEffect(() => setPut(undefined), [window]);
  return (
    <div class="seek">
      <input
        type="range"
        min={0}
        max={Math.max(1, Math.ceil(durationSeconds))}
        value={put ?? fromSeconds}
        onInput={event => setPut(Number(event.currentTarget.value))}
        aria-label="Moment of the recording"
        aria-valuetext={duration(fromSeconds * 1000)}
        onChange={event => chosen(Number(event.currentTarget.value))}
      />
      <p class="dim">
        Large: loaded in parts as it plays. This part goes from {duration(fromSeconds * 1000)} to{' '}
        {duration(toSeconds * 1000)} of {duration(durationSeconds * 1000)}
        {window.fresh ? '.' : '; what was on the screen before it is not drawn.'}
      </p>
    </div>
  );
}

function Screen(props: {
  id: string;
  data: string;
  startAt: number;
  /** Shown until it plays: of a whole cast the last screen, as the scrubber stands at the end. Seconds. */
  poster: number;
  playing: boolean;
  made: (player: AsciinemaPlayer | null) => void;
  played: (seconds: number) => void;
  ended: () => void;
}) {
  const { id, data, startAt, poster, playing, made, played, ended } = props;
  const place = useRef<HTMLDivElement>(null);
  const [trouble, setTrouble] = useState<string>();
  const told = useRef({ played, ended });
  told.current = { played, ended };
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setInterval> | undefined;
    let player: AsciinemaPlayer | undefined;
    const begin = async (): Promise<void> => {
      const { create } = await import('asciinema-player');
      if (!wanted || place.current === null) return;
      const created = create({ data }, place.current, {
        fit: 'width',
        preload: true,
        poster: `npt:${poster}`,
        startAt,
        autoPlay: playing,
        controls: true,
        terminalFontFamily: TERMINAL_FONT,
      });
      player = created;
      made(created);
      created.addEventListener('playing', () => {
        clearInterval(timer);
        timer = setInterval(() => told.current.played(created.getCurrentTime()), FOLLOW_MS);
      });
      created.addEventListener('pause', () => clearInterval(timer));
      created.addEventListener('ended', () => {
        clearInterval(timer);
        told.current.ended();
      });
    };
    begin().catch((error: unknown) => setTrouble(String(error)));
    return () => {
      wanted = false;
      clearInterval(timer);
      player?.dispose();
      made(null);
    };
  }, []);
  return (
    <>
      {trouble !== undefined && <p class="empty tone-bad">It could not be played: {trouble}</p>}
      <div class="player" ref={place} data-recording={id} />
    </>
  );
}
