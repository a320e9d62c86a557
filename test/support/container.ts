import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** As container engines set it, and good enough to find `sh` and `mount` out here. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** False: this machine may go without, CI may not. */
export function mayMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    if (process.env['CI'] === 'true')
      throw new Error('the test of the image needs root and mount namespaces');
    process.stderr.write('test of the image skipped: it needs root and mount namespaces\n');
    return false;
  }
}

export interface Volume {
  /** Folder or file of this machine. */
  readonly from: string;
  /** Absolute path in the container. */
  readonly to: string;
  readonly writable?: true;
}

/**
 * Puts Node and the libraries that it names under a stage's folder, in place of the base image. There is no shell, no
 * libc tool and no account file: what runs there needs none of them.
 */
export function layBase(root: string): void {
  const node = realpathSync(process.execPath);
  const libraries = execFileSync('ldd', [node], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of libraries) put(file, join(root, file));
  put(node, join(root, 'usr/local/bin/node'));
  for (const folder of ['proc', 'dev']) mkdirSync(join(root, folder), { recursive: true });
}

function put(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { dereference: true });
}

export interface ContainerOptions {
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly command: readonly string[];
  readonly volumes: readonly Volume[];
}

/**
 * Starts the command as a pod with `readOnlyRootFilesystem`, `runAsNonRoot`, no capabilities and no new privileges would:
 * in a mount namespace whose root is the stage's folder, read-only but for the volumes. The network is this machine's.
 */
export function startContainer({
  root,
  workdir,
  env,
  user,
  command,
  volumes,
}: ContainerOptions): ChildProcess {
  const [uid = '', gid = ''] = user.split(':');
  for (const { from, to, writable } of volumes) {
    mkdirSync(join(root, to), { recursive: true });
    if (writable === true) execFileSync('chown', ['-R', user, from]);
  }
  const mounts = [
    `mount --bind ${root} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount --rbind /dev ${root}/dev`,
    ...volumes.flatMap(({ from, to, writable }) => [
      `mount --bind ${from} ${join(root, to)}`,
      ...(writable === true ? [] : [`mount -o remount,bind,ro ${join(root, to)}`]),
    ]),
    `mount -o remount,bind,ro ${root}`,
    'exec "$@"',
  ];
  const drop = ['setpriv', '--no-new-privs', '--clear-groups'];
  const enter = ['unshare', `--root=${root}`, `--wd=${workdir}`, `--setgid=${gid}`, `--setuid=${uid}`];
  return spawn('unshare', ['--mount', 'sh', '-ec', mounts.join('\n'), 'sh', ...drop, ...enter, ...command], {
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
