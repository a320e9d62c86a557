#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { restartWithHeap } from './cli/heap.ts';
import { createProgram } from './cli/program.ts';
import { messageOf } from './errors.ts';

/** The version in the package's own manifest, two folders above the built file. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0';
}

/**
 * V8 takes the size of its heap at its start only. Where Node can replace a process by another (22.15 and later), it
 * begins again with one that fits the cgroup, as the same process. Elsewhere V8's own measure stands: half of the cgroup's
 * limit, up to 4 GiB. A child that is spoken to over a channel would lose it.
 */
function fitHeap(): void {
  const execve: unknown = Reflect.get(process, 'execve');
  if (typeof execve !== 'function' || process.send !== undefined) return;
  const again = restartWithHeap({
    execPath: process.execPath,
    execArgv: process.execArgv,
    argv: process.argv,
    env: process.env,
    constrainedBytes: process.constrainedMemory(),
    totalBytes: totalmem(),
  });
  if (again !== undefined) Reflect.apply(execve, process, [process.execPath, again, process.env]);
}

fitHeap();
try {
  await createProgram(version()).parseAsync(process.argv);
  // With the status that the command set, if any.
  process.exit();
} catch (error) {
  // One clear line (a configuration may have several); a stack helps nobody who only mistyped a path.
  process.stderr.write(`kubewitness: ${messageOf(error)}\n`);
  process.exit(1);
}
