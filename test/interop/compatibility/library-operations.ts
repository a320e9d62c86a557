import { expect } from 'vitest';
import { createPod } from './kubectl-operations.ts';
import type { Library } from './libraries.ts';
import type { Policy, Stand } from './stand.ts';
import type { Verdict } from './table.ts';

export interface LibraryCell {
  readonly stand: Stand;
  readonly library: Library;
  readonly policy: Policy;
  readonly marker: string;
}

export const LIBRARY_OPERATIONS = {
  exec: prints,
  'exec with stdin': reads,
  'exec with a terminal': onTerminal,
  'attach with stdin': attaches,
} as const satisfies Readonly<Record<string, (cell: LibraryCell) => Promise<Verdict>>>;

export type LibraryOperation = keyof typeof LIBRARY_OPERATIONS;

const SHELL = { kind: 'exec', pod: 'shell', tty: false } as const;

async function prints({ stand, library, policy, marker }: LibraryCell): Promise<Verdict> {
  const command = ['sh', '-c', `: ${marker}; echo out-€; echo err >&2; exit 3`];
  const result = await library(stand, { ...SHELL, policy, command, stdin: undefined });
  expect(result).toMatchObject({ stdout: 'out-€\n', stderr: 'err\n', code: 3 });
  const { session, cast } = await stand.recorded(marker);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 3 });
  expect(cast.text).toContain('out-€\n');
  expect(cast.text).toContain('err\n');
  return 'recorded';
}

/** Not every library can end its input, so the command stops by itself. */
async function reads({ stand, library, policy, marker }: LibraryCell): Promise<Verdict> {
  const lines = Array.from({ length: 500 }, (_, at) => `line ${at}\n`).join('');
  const command = ['sh', '-c', `: ${marker}; head -n 500`];
  const result = await library(stand, { ...SHELL, policy, command, stdin: lines });
  expect(result).toMatchObject({ stdout: lines, code: 0 });
  const { session, cast } = await stand.recorded(marker);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 0 });
  expect(cast.text).toBe(lines);
  return 'recorded';
}

async function onTerminal({ stand, library, policy, marker }: LibraryCell): Promise<Verdict> {
  const command = ['sh', '-c', `: ${marker}; read line; echo "got $line"; exit 5`];
  const result = await library(stand, { ...SHELL, tty: true, policy, command, stdin: 'a line\n' });
  expect(result.stdout).toContain('got a line');
  expect(result.code).toBe(5);
  const { session, cast } = await stand.recorded(marker);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 5 });
  expect(cast.text).toContain('got a line');
  return 'recorded';
}

async function attaches({ stand, library, policy, marker }: LibraryCell): Promise<Verdict> {
  await createPod(
    { stand, version: '1.36', policy, marker },
    { tty: false, script: 'read line; echo "got $line"' },
  );
  const result = await library(stand, {
    ...{ kind: 'attach', pod: marker, command: [], tty: false, policy },
    stdin: 'a line\n',
  });
  expect(result.stdout).toBe('got a line\n');
  const { session, cast } = await stand.recorded(marker);
  expect(session.outcome).toBe('recorded');
  expect(cast.text).toBe('got a line\n');
  return 'recorded';
}
