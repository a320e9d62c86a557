import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { KubectlVersion } from '../../support/kubectl.ts';
import { type CommandResult, reader } from '../../support/try-cluster.ts';
import type { Policy, Stand } from './stand.ts';
import type { Verdict } from './table.ts';

/** One kubectl, under one policy. */
export interface Cell {
  readonly stand: Stand;
  readonly version: KubectlVersion;
  readonly policy: Policy;
  /** Unlike any other cell's, and a name that Kubernetes takes. */
  readonly marker: string;
}

export const KUBECTL_OPERATIONS = {
  exec: execPrints,
  'exec -i': execReads,
  'exec -it': execOnTerminal,
  'attach -i': attachReads,
  'attach -it': attachOnTerminal,
  'cp to a pod': copyThere,
  'cp from a pod': copyBack,
  'run -it --rm': runOnTerminal,
  'debug -i': debugReads,
  'port-forward': portForward,
} as const satisfies Readonly<Record<string, (cell: Cell) => Promise<Verdict>>>;

export type KubectlOperation = keyof typeof KUBECTL_OPERATIONS;

const LINES = Array.from({ length: 20_000 }, (_, at) => `line ${at} of what is piped in\n`).join('');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function kubectl({ stand, version, policy }: Cell, args: readonly string[], stdin?: string) {
  return stand.kubectl(version, policy, args, stdin === undefined ? undefined : Buffer.from(stdin));
}

function terminal({ stand, version, policy }: Cell, args: readonly string[], typed: string) {
  return stand.terminal(version, policy, args, Buffer.from(typed));
}

async function execPrints(cell: Cell): Promise<Verdict> {
  const script = `: ${cell.marker}; echo out-€; echo err >&2; exit 3`;
  const result = await kubectl(cell, ['exec', 'shell', '--', 'sh', '-c', script]);
  expect(result.stdout.toString()).toBe('out-€\n');
  expect(result.stderr).toBe('err\ncommand terminated with exit code 3\n');
  expect(result.code).toBe(3);
  const { session, cast } = await cell.stand.recorded(cell.marker);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 3 });
  expect(cast.text).toContain('out-€\n');
  expect(cast.text).toContain('err\n');
  return 'recorded';
}

async function execReads(cell: Cell): Promise<Verdict> {
  const args = ['exec', '-i', 'shell', '--', 'sh', '-c', `: ${cell.marker}; cat`];
  const result = await kubectl(cell, args, LINES);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(sha256(result.stdout)).toBe(sha256(Buffer.from(LINES)));
  const { session, cast } = await cell.stand.recorded(cell.marker);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 0 });
  expect(cast.text === LINES).toBe(true);
  return 'recorded';
}

async function execOnTerminal(cell: Cell): Promise<Verdict> {
  const script = `: ${cell.marker}; stty size; read line; echo "got $line"; exit 5`;
  const result = await terminal(cell, ['exec', '-it', 'shell', '--', 'sh', '-c', script], 'a line\n');
  expect(result.code, result.stdout.toString()).toBe(5);
  await expectTerminal(cell, result, 5);
  return 'recorded';
}

async function attachReads(cell: Cell): Promise<Verdict> {
  await createPod(cell, { tty: false, script: 'while read line; do echo "got $line"; done' });
  const result = await kubectl(cell, ['attach', '-i', cell.marker], 'a line\nanother\n');
  expect(result.stdout.toString()).toContain('got a line\ngot another\n');
  expect(result.code, result.stderr).toBe(0);
  const { session, cast } = await cell.stand.recorded(cell.marker);
  expect(session.outcome).toBe('recorded');
  expect(cast.header.kubernetes).toMatchObject({ SessionType: 'attach', PodName: cell.marker });
  expect(cast.text).toBe('got a line\ngot another\n');
  return 'recorded';
}

async function attachOnTerminal(cell: Cell): Promise<Verdict> {
  await createPod(cell, { tty: true, script: 'stty size; read line; echo "got $line"' });
  const result = await terminal(cell, ['attach', '-it', cell.marker], 'a line\n');
  expect(result.code, result.stdout.toString()).toBe(0);
  await expectTerminal(cell, result, undefined);
  return 'recorded';
}

async function runOnTerminal(cell: Cell): Promise<Verdict> {
  const script = 'stty size; read line; echo "got $line"';
  const args = ['run', cell.marker, '--rm', '-it', '--image', 'any', '--restart', 'Never'];
  const result = await terminal(cell, [...args, '--', 'sh', '-c', script], 'a line\n');
  expect(result.code, result.stdout.toString()).toBe(0);
  await expectTerminal(cell, result, undefined);
  return 'recorded';
}

async function copyThere(cell: Cell): Promise<Verdict> {
  const bytes = randomBytes(1024 * 1024 + 17);
  const local = join(cell.stand.dir, cell.marker);
  writeFileSync(local, bytes);
  await expectDone(cell, ['exec', 'shell', '--', 'mkdir', '-p', `${cell.marker}-there`]);
  await expectDone(cell, ['cp', local, `shell:${cell.marker}-there/file`]);
  const found = await kubectl(cell, ['exec', 'shell', '--', 'sha256sum', `${cell.marker}-there/file`]);
  expect(found.stdout.toString().split(' ')[0]).toBe(sha256(bytes));
  const { session } = await cell.stand.recorded(`tar -xmf - -C ${cell.marker}-there`);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 0 });
  return 'recorded';
}

async function copyBack(cell: Cell): Promise<Verdict> {
  const script = `: ${cell.marker}; head -c 1048593 /dev/urandom > ${cell.marker}-file; sha256sum ${cell.marker}-file`;
  const made = await kubectl(cell, ['exec', 'shell', '--', 'sh', '-c', script]);
  const local = join(cell.stand.dir, `${cell.marker}-back`);
  mkdirSync(local);
  await expectDone(cell, ['cp', `shell:${cell.marker}-file`, join(local, 'file')]);
  expect(sha256(readFileSync(join(local, 'file')))).toBe(made.stdout.toString().split(' ')[0]);
  const { session } = await cell.stand.recorded(`tar cf - ${cell.marker}-file`);
  expect(session).toMatchObject({ outcome: 'recorded', exitCode: 0 });
  return 'recorded';
}

/** Writing an ephemeral container is a road around the recorder, and refused to callers that must be recorded. */
async function debugReads(cell: Cell): Promise<Verdict> {
  await createPod(cell, { tty: false, script: 'sleep 600' });
  const args = ['debug', cell.marker, '-q', '-i', '-c', 'debugger', '--image', 'any', '--', 'sh', '-c'];
  const result = await kubectl(cell, [...args, 'read line; echo "got $line"'], 'a line\n');
  if (cell.policy === 'closed') {
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Forbidden');
    return 'refused';
  }
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout.toString()).toContain('got a line\n');
  const { session, cast } = await cell.stand.recorded(cell.marker);
  expect(session.outcome).toBe('recorded');
  expect(cast.text).toContain('got a line\n');
  return 'recorded';
}

async function portForward({ stand, version, policy }: Cell): Promise<Verdict> {
  const echo = createServer({ allowHalfOpen: true }, socket => socket.pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const port = (echo.address() as AddressInfo).port;
  const child = await stand.startKubectl(version, policy, ['port-forward', 'pod/shell', `:${port}`]);
  const screen = reader(child);
  try {
    if (policy === 'closed') {
      const [code] = await once(child, 'close');
      expect(code).toBe(1);
      expect(screen.text()).toContain('cannot be recorded');
      return 'refused';
    }
    await screen.seen('Forwarding from 127.0.0.1:');
    const local = Number(/127\.0\.0\.1:(\d+)/.exec(screen.text())?.[1]);
    const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
    const back: Buffer[] = [];
    socket.on('data', chunk => back.push(chunk));
    socket.end(LINES);
    await once(socket, 'end');
    expect(Buffer.concat(back).toString() === LINES).toBe(true);
    return 'forwarded';
  } finally {
    child.kill('SIGINT');
    echo.close();
  }
}

async function expectTerminal(cell: Cell, result: CommandResult, exitCode: number | undefined) {
  expect(result.stdout.toString()).toContain('got a line');
  const { session, cast } = await cell.stand.recorded(cell.marker);
  expect(session.outcome).toBe('recorded');
  if (exitCode !== undefined) expect(session.exitCode).toBe(exitCode);
  const size = `${cast.header.width}x${cast.header.height}`;
  // kubectl attach first asks for one column and one row more, so that whoever is attached to draws anew.
  if (exitCode === undefined) expect(size).toMatch(/^(101x31|100x30)$/);
  else expect(size).toBe('100x30');
  expect(cast.text).toMatch(exitCode === undefined ? /31 101|30 100/ : /30 100/);
  expect(cast.text).toContain('got a line');
}

async function expectDone(cell: Cell, args: readonly string[]): Promise<void> {
  const result = await kubectl(cell, args);
  expect(result.code, result.stderr).toBe(0);
}

/** A pod whose main process reads what the first who attaches has to say. */
export async function createPod(
  cell: Cell,
  { tty, script }: { tty: boolean; script: string },
): Promise<void> {
  const container = {
    name: 'main',
    image: 'any',
    command: ['sh', '-c', script],
    stdin: true,
    stdinOnce: true,
    tty,
  };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: cell.marker },
    spec: { restartPolicy: 'Never', containers: [container] },
  };
  const created = await kubectl(cell, ['create', '--validate=false', '-f', '-'], JSON.stringify(pod));
  expect(created.code, created.stderr).toBe(0);
  await expectDone(cell, ['wait', '--for', 'condition=Ready', `pod/${cell.marker}`]);
}
