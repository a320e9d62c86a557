import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** Where it goes wrong, in place of the proper step. */
export interface Socks5Behaviour {
  /** Answer to the greeting, in place of `05 00`; 'never' for none. */
  readonly greeting?: string | 'never';
  /** Whole answer to the request, in hex, and then the end; 'never' for none, 'end' for nothing but the end. */
  readonly answer?: string | 'never' | 'end';
  /** Puts its answer and the first bytes of the other side into one segment. */
  readonly joined?: boolean;
  /** Says a byte at a time. */
  readonly slowly?: boolean;
  /** As what kind of address it names itself; IPv4 if left out. */
  readonly boundAs?: 'ipv4' | 'ipv6' | 'name';
}

export interface FakeSocks5 {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  /** As it was asked: `ipv4:…`, `ipv6:…` (hex) or `name:…`, each with its port. */
  readonly asked: string[];
  hasNoSockets(): Promise<void>;
  close(): void;
}

const BOUND = { ipv4: '0100000000', ipv6: `04${'00'.repeat(16)}`, name: '0302' + '6161' };

/** A SOCKS5 server as RFC 1928 has it: no credential, CONNECT only. Every target is the port on this machine. */
export async function startSocks5(behaviour: Socks5Behaviour = {}): Promise<FakeSocks5> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    void serve(socket, behaviour, asked).catch(() => socket.destroy());
  });
  const hasNoSockets = async (): Promise<void> => {
    for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  return { host: '127.0.0.1', port, authority: `127.0.0.1:${port}`, asked, hasNoSockets, close };
}

async function serve(client: Socket, behaviour: Socks5Behaviour, asked: string[]): Promise<void> {
  const { greeting = '0500', answer, joined = false, slowly = false, boundAs = 'ipv4' } = behaviour;
  const say = async (bytes: Buffer): Promise<void> => {
    if (!slowly) client.write(bytes);
    else
      for (const byte of bytes)
        await new Promise<void>(done => client.write(Buffer.from([byte]), () => done()));
  };
  const [version, methods = 0] = await take(client, 2);
  const offered = await take(client, methods);
  if (version !== 5 || !offered.includes(0)) throw new Error('not a greeting that this server takes');
  if (greeting === 'never') return;
  await say(Buffer.from(greeting, 'hex'));
  if (greeting !== '0500') return;

  const [again, command, reserved, kind] = await take(client, 4);
  if (again !== 5 || command !== 1 || reserved !== 0) throw new Error('not a CONNECT');
  const host = await hostOf(client, kind);
  const port = (await take(client, 2)).readUInt16BE();
  asked.push(`${host}:${port}`);
  if (answer === 'never') return;
  if (answer !== undefined) {
    client.end(answer === 'end' ? '' : Buffer.from(answer, 'hex'));
    return;
  }
  const target = connect(port, '127.0.0.1');
  target.on('error', () => client.destroy());
  client.on('close', () => target.destroy());
  target.on('close', () => client.destroy());
  await once(target, 'connect');
  const success = Buffer.from(`050000${BOUND[boundAs]}0000`, 'hex');
  if (joined) {
    const [first] = await once(target, 'data');
    client.write(Buffer.concat([success, first]));
  } else await say(success);
  client.pipe(target);
  target.pipe(client);
}

async function hostOf(client: Socket, kind: number | undefined): Promise<string> {
  if (kind === 1) return `ipv4:${[...(await take(client, 4))].join('.')}`;
  if (kind === 4) return `ipv6:${(await take(client, 16)).toString('hex')}`;
  if (kind !== 3) throw new Error('no such kind of address');
  const [length = 0] = await take(client, 1);
  return `name:${(await take(client, length)).toString()}`;
}

async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const piece: unknown = bytes === 0 ? Buffer.alloc(0) : socket.read(bytes);
    if (Buffer.isBuffer(piece) && piece.length === bytes) return piece;
    if (socket.readableEnded || socket.destroyed) throw new Error('it ended');
    await once(socket, 'readable');
  }
}
