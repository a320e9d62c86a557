import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A volume of a ConfigMap as the kubelet writes it (`pkg/volume/util/atomic_writer.go`): every file is a link into
 * `..data`, itself a link to a folder with the time in its name, and is renamed over when the map has changed.
 */
export class ConfigMapVolume {
  readonly #dir: string;
  #generation = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Puts a new content in the place of the old one, all files at once. Gives the path of the first. */
  write(files: Readonly<Record<string, string>>): string {
    const [dir, old] = [this.#dir, `..${this.#generation}`];
    this.#generation += 1;
    const folder = `..${this.#generation}`;
    mkdirSync(join(dir, folder));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, folder, name), text);
    symlinkSync(folder, join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    rmSync(join(dir, old), { recursive: true, force: true });
    if (this.#generation === 1) {
      for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(dir, name));
    }
    return join(dir, Object.keys(files)[0] ?? '');
  }
}
