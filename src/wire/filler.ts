const MAX_PIECE_BYTES = 64 * 1024;

/** `length` times `byte`, in pieces of bounded size. */
export function* filler(length: number, byte: number): Generator<Buffer> {
  const piece = Buffer.alloc(Math.min(length, MAX_PIECE_BYTES), byte);
  for (let left = length; left > 0; left -= piece.length) {
    yield left < piece.length ? piece.subarray(0, left) : piece;
  }
}
