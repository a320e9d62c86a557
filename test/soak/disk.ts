import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';

/** A file system of its own, in memory, that can be made full and given room again. Needs root. */
export class Disk {
  readonly dir: string;
  #mounted = true;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Undefined where this process may not mount. */
  static mount(dir: string): Disk | undefined {
    mkdirSync(dir, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${ROOM}`, 'soak', dir], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    return new Disk(dir);
  }

  /** No room but for what is there already, and a page or a few that were written meanwhile. */
  fill(): void {
    for (let tries = 1; ; tries++) {
      const { blocks, bfree, bsize } = statfsSync(this.dir);
      try {
        this.#resize(String((blocks - bfree + 4 * tries) * bsize));
        return;
      } catch (error) {
        if (tries === 10) throw error;
      }
    }
  }

  empty(): void {
    this.#resize(ROOM);
  }

  unmount(): void {
    if (!this.#mounted) return;
    this.#mounted = false;
    execFileSync('umount', ['-l', this.dir]);
  }

  #resize(size: string): void {
    execFileSync('mount', ['-o', `remount,size=${size}`, this.dir], { stdio: 'pipe' });
  }
}

const ROOM = '4g';
