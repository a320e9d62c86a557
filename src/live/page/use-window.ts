import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CastWindow } from './cast-windows.ts';
import { CastWindows } from './cast-windows.ts';
import { castBytes } from './recordings-api.ts';

export interface ShownWindow {
  readonly window: CastWindow;
  /** Seconds on the window's own clock. */
  readonly startAt: number;
  readonly playing: boolean;
}

/** The window of a cast that is shown. The last wish holds: what is still being loaded for one before it is dropped. */
export function useWindow(id: string, bytes: number) {
  const windows = useMemo(() => new CastWindows(castBytes(id, bytes)), [id, bytes]);
  const [shown, setShown] = useState<ShownWindow>();
  const [trouble, setTrouble] = useState<string>();
  const wish = useRef<AbortController>(null);
  const goTo = (seconds: number, playing: boolean): void => {
    wish.current?.abort();
    const mine = new AbortController();
    wish.current = mine;
    windows.at(seconds, mine.signal).then(
      window => {
        if (mine.signal.aborted) return;
        setShown({ window, startAt: Math.max(0, seconds - window.fromSeconds), playing });
      },
      (error: unknown) => {
        if (!mine.signal.aborted) setTrouble(String(error));
      },
    );
  };
  useEffect(() => {
    goTo(0, false);
    return () => wish.current?.abort();
  }, [windows]);
  return { shown, trouble, goTo };
}
