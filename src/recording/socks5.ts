import type { Socket } from 'node:net';
import { isIPv4, isIPv6 } from 'node:net';
import type { RecorderAddress } from './recorder-address.ts';
import type { RecorderError } from './upload.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

/** Replies of RFC 1928 section 6. */
const REPLIES: Readonly<Record<number, string>> = {
  1: 'it failed',
  2: 'its rules do not allow it',
  3: 'the network cannot be reached',
  4: 'the host cannot be reached',
  5: 'the connection was refused',
  6: 'it took too long',
  7: 'it does not know the command',
  8: 'it does not know that kind of address',
};

/**
 * Asks a SOCKS5 proxy (RFC 1928) for a connection, as tailscaled offers one in userspace mode. No credential is offered.
 * A name goes to it as a name, so that names of the tailnet are known. Afterwards the socket is the recorder's: not a byte
 * more than the proxy's own was read. Rejects with a RecorderError; the socket is then the caller's to destroy.
 */
export async function throughSocks5(
  attempt: Attempt,
  socket: Socket,
  { host, port }: RecorderAddress,
  limitMs: number,
): Promise<void> {
  const fault = (what: string): RecorderError =>
    attempt.failures.say('protocol', 'connect', `the SOCKS5 proxy ${what}`);
  const take = (bytes: number): Promise<Buffer> => takeBytes(attempt, socket, bytes, limitMs);
  const target = addressOf(host);
  if (target === undefined) throw fault('cannot be asked for an address with a zone');

  socket.write(Buffer.from([5, 1, 0]));
  const [version, method] = await take(2);
  if (version !== 5) throw fault('does not speak SOCKS5');
  if (method !== 0) throw fault('wants a credential');

  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), target, Buffer.from([port >> 8, port & 0xff])]));
  const [again, reply = 0, , kind = 0] = await take(4);
  if (again !== 5) throw fault('does not speak SOCKS5');
  if (reply !== 0) {
    const why = REPLIES[reply] ?? `it answered ${reply}`;
    throw attempt.failures.say('refused', 'connect', `not reached through the SOCKS5 proxy: ${why}`);
  }
  // The address that it connects from is of no use here, and stands before the recorder's first byte.
  const length = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? (await take(1))[0] : undefined;
  if (length === undefined) throw fault('answers with an unknown kind of address');
  await take(length + 2);
}

/** Address type and address (RFC 1928 section 5); undefined for what has no form there. */
function addressOf(host: string): Buffer | undefined {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)]);
  if (!isIPv6(host)) return Buffer.from([3, Buffer.byteLength(host), ...Buffer.from(host)]);
  return host.includes('%') ? undefined : Buffer.concat([Buffer.from([4]), bytesOfV6(host)]);
}

/** RFC 4291 section 2.2. `host` is known to be one. */
function bytesOfV6(host: string): Buffer {
  const dotted = /[0-9.]+$/.exec(host)?.[0] ?? '';
  const plain = isIPv4(dotted) ? `${host.slice(0, -dotted.length)}${groupsOfV4(dotted)}` : host;
  const [head = [], tail = []] = plain.split('::').map(part => part.split(':').filter(group => group !== ''));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(groups.map(group => group.padStart(4, '0')).join(''), 'hex');
}

function groupsOfV4(dotted: string): string {
  const hex = Buffer.from(dotted.split('.').map(Number)).toString('hex');
  return `${hex.slice(0, 4)}:${hex.slice(4)}`;
}

async function takeBytes(attempt: Attempt, socket: Socket, bytes: number, limitMs: number): Promise<Buffer> {
  const there = readBytes(socket, bytes);
  if (there !== undefined) return there;
  const ended = (): RecorderError =>
    attempt.failures.say('reset', 'connect', 'the SOCKS5 proxy closed the connection');
  // It can have ended between two steps, when nobody listened.
  if (socket.readableEnded || socket.destroyed) throw ended();
  return await within<Buffer>(attempt, limitMs, 'answer of the SOCKS5 proxy', settle => {
    const onReadable = (): void => {
      const piece = readBytes(socket, bytes);
      if (piece !== undefined) settle.resolve(piece);
    };
    const onError = (error: Error): void =>
      settle.reject(attempt.failures.from(error, 'connect', 'asking the SOCKS5 proxy'));
    const onEnd = (): void => settle.reject(ended());
    socket.on('readable', onReadable).on('error', onError).on('end', onEnd).on('close', onEnd);
    return () => {
      socket.off('readable', onReadable).off('error', onError).off('end', onEnd).off('close', onEnd);
    };
  });
}

/** At its end a stream gives what is left, however little: that is no answer. */
function readBytes(socket: Socket, bytes: number): Buffer | undefined {
  const piece: unknown = socket.read(bytes);
  return Buffer.isBuffer(piece) && piece.length === bytes ? piece : undefined;
}
