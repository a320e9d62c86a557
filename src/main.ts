#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createProgram } from './cli/program.ts';
import { messageOf } from './errors.ts';

/** The version in the package's own manifest, two folders above the built file. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0';
}

try {
  await createProgram(version()).parseAsync(process.argv);
  // With the status that the command set, if any.
  process.exit();
} catch (error) {
  // One clear line (a configuration may have several); a stack helps nobody who only mistyped a path.
  process.stderr.write(`kubewitness: ${messageOf(error)}\n`);
  process.exit(1);
}
