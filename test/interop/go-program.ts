import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe } from 'vitest';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BINARIES = fileURLToPath(new URL('../../node_modules/.cache/kubewitness/interop/', import.meta.url));

/** Cold, with every module to fetch and compile, on a slow machine. */
export const BUILD_LIMIT_MS = 300_000;

const hasGo = spawnSync('go', ['version']).status === 0;

/**
 * A block of tests that need the Go programs beside them. Without Go they are skipped, with a line that says so; where
 * CI runs a missing Go is a failure, so that a skip cannot pass for a proof.
 */
export function describeWithGo(name: string, tests: () => void): void {
  if (!hasGo) {
    if (process.env['CI'] === 'true') throw new Error(`"${name}" needs Go, and CI must not skip it`);
    process.stderr.write(`skipped, since Go is not installed: ${name}\n`);
  }
  describe.skipIf(!hasGo)(name, tests);
}

/**
 * Builds the package of one folder below this one, say `recorder/upload`, and gives the path of the binary. Go's own
 * cache knows what is fresh. Rejects with the compiler's words.
 */
export async function buildGo(folder: string): Promise<string> {
  mkdirSync(BINARIES, { recursive: true });
  const binary = join(BINARIES, folder.replaceAll('/', '-'));
  await promisify(execFile)('go', ['build', '-buildvcs=false', '-trimpath', '-o', binary, '.'], {
    cwd: join(HERE, folder),
    timeout: BUILD_LIMIT_MS,
  });
  return binary;
}
