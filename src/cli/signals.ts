/** Calls back at each SIGHUP, which from here on no longer ends the process. */
export function onReloadSignal(then: () => void): void {
  process.on('SIGHUP', then);
}

/**
 * Resolves at the first SIGTERM or SIGINT, or when the process that started this one over a channel is gone. Later
 * signals are heard and change nothing: the orderly end is under way and bounded.
 */
export function onStopSignal(): Promise<string> {
  return new Promise(resolve => {
    process.on('SIGTERM', () => resolve('SIGTERM'));
    process.on('SIGINT', () => resolve('SIGINT'));
    process.on('disconnect', () => resolve('the end of its parent'));
  });
}
