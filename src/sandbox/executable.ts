import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where the programs of a container are looked for. */
export const CONTAINER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A command that cannot be started; the message is worded as runc words it, for clients that show it. */
export class StartFailure extends Error {
  constructor(command: string, problem: string) {
    super(
      'error executing command in container: failed to exec in container: OCI runtime exec failed: exec failed: ' +
        `unable to start container process: exec: "${command}": ${problem}: unknown`,
    );
    this.name = 'StartFailure';
  }
}

/**
 * The file that a command names, looked up as execvp does: on the path, unless the name holds a slash.
 *
 * @throws StartFailure
 */
export async function findExecutable(command: string, cwd: string): Promise<string> {
  if (command === '') throw new StartFailure(command, 'executable file not found in $PATH');
  if (command.includes('/')) {
    const file = resolve(cwd, command);
    const problem = await problemOf(file);
    if (problem === undefined) return file;
    throw new StartFailure(
      command,
      problem === 'missing' ? `stat ${command}: no such file or directory` : 'permission denied',
    );
  }
  for (const folder of CONTAINER_PATH.split(':')) {
    const file = join(folder, command);
    if ((await problemOf(file)) === undefined) return file;
  }
  throw new StartFailure(command, 'executable file not found in $PATH');
}

async function problemOf(file: string): Promise<'missing' | 'forbidden' | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return 'missing';
  if (!found.isFile()) return 'forbidden';
  return access(file, constants.X_OK).then(
    () => undefined,
    () => 'forbidden' as const,
  );
}
