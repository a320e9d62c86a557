/** A timer that does not keep the process. */
export function after(ms: number, then: () => void): () => void {
  // A proxy that is listening keeps the process; one that did not come up should not.
  const timer = setTimeout(then, ms).unref();
  return () => clearTimeout(timer);
}
