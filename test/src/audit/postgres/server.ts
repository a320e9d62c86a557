import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where Debian keeps what its packages do not put into the path. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder with `initdb` and `postgres`; undefined where there is none. */
export function postgresBinaries(): string | undefined {
  const debian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .sort((a, b) => Number(b) - Number(a))
        .map(version => join(DEBIAN, version, 'bin'))
    : [];
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return [...debian, ...path].find(folder =>
    ['initdb', 'postgres'].every(name => existsSync(join(folder, name))),
  );
}

/** A real server on a port of its own, that can be killed and started again. */
export class PostgresServer {
  readonly url: string;
  readonly #binaries: string;
  readonly #dir: string;
  readonly #port: number;
  readonly #identity: { readonly uid?: number; readonly gid?: number };
  #process: ChildProcess | undefined;

  private constructor(binaries: string, dir: string, port: number, identity: { uid?: number; gid?: number }) {
    this.#binaries = binaries;
    this.#dir = dir;
    this.#port = port;
    this.#identity = identity;
    this.url = `postgres://kubewitness@127.0.0.1:${port}/postgres`;
  }

  static async start(binaries: string): Promise<PostgresServer> {
    const dir = mkdtempSync(join(tmpdir(), 'kubewitness-postgres-'));
    // It refuses to run as root.
    const identity: { uid?: number; gid?: number } = process.getuid?.() === 0 ? identityOf('postgres') : {};
    if (identity.uid !== undefined && identity.gid !== undefined) chownSync(dir, identity.uid, identity.gid);
    chmodSync(dir, 0o700);
    const options = { ...identity, cwd: dir, env: { LC_ALL: 'C.UTF-8', PATH: process.env['PATH'] } };
    const setup = ['-D', dir, '-U', 'kubewitness', '--auth=trust', '--encoding=UTF8', '--no-sync'];
    execFileSync(join(binaries, 'initdb'), setup, { ...options, stdio: 'pipe' });
    const server = new PostgresServer(binaries, dir, await freePort(), identity);
    await server.run();
    return server;
  }

  /** Resolves once it takes connections. */
  async run(): Promise<void> {
    const child = spawn(
      join(this.#binaries, 'postgres'),
      ['-D', this.#dir, '-p', String(this.#port), '-k', this.#dir, '-c', 'listen_addresses=127.0.0.1'],
      { ...this.#identity, cwd: this.#dir, stdio: ['ignore', 'ignore', 'pipe'], env: { LC_ALL: 'C.UTF-8' } },
    );
    this.#process = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', chunk => {
        said += String(chunk);
        if (said.includes('ready to accept connections')) resolve();
      });
      child.on('exit', () => reject(new Error(`postgres ended:\n${said}`)));
    });
  }

  /** `SIGQUIT`: at once, as a crash does it, with all its children. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGQUIT');
    await exited;
  }
}

function identityOf(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`no user ${name} to run PostgreSQL as`);
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
