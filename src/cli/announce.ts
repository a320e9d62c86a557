/** Says on standard output that a server is up. Whether anybody reads that is no concern of the server's. */
export function announce(text: string): void {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {});
  process.stdout.write(text);
}
