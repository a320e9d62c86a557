import { once } from 'node:events';

/**
 * Writes lines to standard output at the pace of whoever reads them. False: the reader has gone (`| head`), and there is
 * no point in going on.
 */
export async function printLines(lines: Iterable<string> | AsyncIterable<string>): Promise<boolean> {
  const { stdout } = process;
  let gone: Error | undefined;
  const onError = (error: Error): void => {
    gone = error;
  };
  stdout.on('error', onError);
  try {
    for await (const line of lines) {
      if (gone !== undefined) break;
      if (!stdout.write(`${line}\n`)) await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]);
    }
    // The process exits right after; a pipe takes its time.
    if (gone === undefined) await new Promise<void>(resolve => stdout.write('', () => resolve()));
  } catch (error) {
    if (gone === undefined) throw error;
  } finally {
    stdout.off('error', onError);
  }
  if (gone !== undefined && !isBrokenPipe(gone)) throw gone;
  return gone === undefined;
}

function isBrokenPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}
