import { useEffect, useState } from 'preact/hooks';

/** The server's time in milliseconds since the epoch, once a second. */
export function useNow(skewMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now + skewMs;
}
