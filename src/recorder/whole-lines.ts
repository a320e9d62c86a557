const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * The length of a file of `size` bytes up to and with its last newline: what a player can read without meeting a torn
 * line.
 */
export async function wholeLineBytes(
  size: number,
  readAt: (start: number, length: number) => Promise<Buffer>,
): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const newline = (await readAt(start, end - start)).lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
    end = start;
  }
  return 0;
}
