/** How a session ended, as the error channel tells it. */
export type Ending =
  | { readonly kind: 'success' }
  /** 0..255; a signal is 128 plus its number, as a shell counts. */
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * The text of the error channel. From v4 on it is a Status document without kind and apiVersion; before that the bare
 * message of a failure, and nothing for a success (KEP-4006, cri remotecommand).
 */
export function endingText(ending: Ending, asStatus: boolean): string {
  if (ending.kind === 'success' || (ending.kind === 'exited' && ending.code === 0)) {
    return asStatus ? JSON.stringify({ metadata: {}, status: 'Success' }) : '';
  }
  if (ending.kind === 'failed') {
    const message = `Internal error occurred: ${ending.message}`;
    if (!asStatus) return message;
    return JSON.stringify({
      metadata: {},
      status: 'Failure',
      message,
      reason: 'InternalError',
      details: { causes: [{ message: ending.message }] },
      code: 500,
    });
  }
  const message = `command terminated with non-zero exit code: exit code ${String(ending.code)}`;
  if (!asStatus) return message;
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(ending.code) }] },
  });
}
