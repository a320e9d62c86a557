import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type KubectlVersion, kubectlPath } from './kubectl.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface ReadyFile {
  readonly kubeconfig: string;
  readonly proxy: string;
  readonly admin: string;
  readonly recorder: string;
  readonly recorderPid: number;
  readonly recordings: string;
  readonly audit: string;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface KubectlOptions {
  readonly version: KubectlVersion;
  readonly context?: 'open' | 'closed';
  readonly stdin?: Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

/** `kubewitness try` as a user starts it: the built program, in a process of its own. */
export class TryCluster {
  readonly ready: ReadyFile;
  readonly dir: string;
  readonly #process: ChildProcess;
  readonly output: () => string;

  private constructor(ready: ReadyFile, dir: string, child: ChildProcess, output: () => string) {
    this.ready = ready;
    this.dir = dir;
    this.#process = child;
    this.output = output;
  }

  static async start(): Promise<TryCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'kubewitness-e2e-'));
    const readyFile = join(dir, 'ready.json');
    const child = spawn(
      process.execPath,
      [main, 'try', '--data-dir', join(dir, 'data'), '--ready-file', readyFile],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    child.stdout.on('data', chunk => {
      output += String(chunk);
    });
    child.stderr.on('data', chunk => {
      output += String(chunk);
    });
    await until(() => {
      if (child.exitCode !== null) throw new Error(`try ended with ${child.exitCode}:\n${output}`);
      return existsSync(readyFile);
    });
    // The file is ours, written by the program under test; the tests below fail on a missing field.
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile;
    return new TryCluster(ready, dir, child, () => output);
  }

  /** Runs a real kubectl to its end. */
  async kubectl(args: readonly string[], options: KubectlOptions): Promise<CommandResult> {
    const child = await this.spawnKubectl(args, options);
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout?.on('data', chunk => stdout.push(chunk));
    child.stderr?.on('data', chunk => {
      stderr += String(chunk);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin);
    const [code] = await once(child, 'close');
    return { code: code ?? -1, stdout: Buffer.concat(stdout), stderr };
  }

  /** Starts a real kubectl; the caller talks to it. */
  async spawnKubectl(args: readonly string[], options: KubectlOptions): Promise<ChildProcess> {
    const path = await kubectlPath(options.version);
    return spawn(path, this.arguments(args, options), { env: this.environment(options), stdio: 'pipe' });
  }

  /** The same in a real terminal of 100 columns and 30 rows; the two streams are one there. */
  async terminal(args: readonly string[], options: KubectlOptions): Promise<ChildProcess> {
    const path = await kubectlPath(options.version);
    const command = [path, ...this.arguments(args, options)].map(quote).join(' ');
    return spawn('script', ['-qec', `stty rows 30 cols 100; exec ${command}`, '/dev/null'], {
      env: this.environment(options),
      stdio: 'pipe',
    });
  }

  arguments(args: readonly string[], { context = 'closed' }: KubectlOptions): string[] {
    return ['--kubeconfig', this.ready.kubeconfig, '--context', context, ...args];
  }

  environment(options: KubectlOptions): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: this.dir, TERM: 'xterm', ...options.env };
  }

  /** Files of finished casts, oldest first. */
  casts(): string[] {
    return readdirSync(this.ready.recordings)
      .filter(name => name.endsWith('.cast'))
      .sort()
      .map(name => join(this.ready.recordings, name));
  }

  /** The cast of the one session whose command matches, once it is whole. */
  async castOf(sessionId: string): Promise<Cast> {
    let found: Cast | undefined;
    await until(() => {
      found = this.casts()
        .map(readCast)
        .find(cast => cast.header.kubewitness.sessionId === sessionId);
      return found !== undefined;
    });
    if (found === undefined) throw new Error(`no cast of session ${sessionId}`);
    return found;
  }

  async sessions(): Promise<SessionItem[]> {
    const response = await fetch(`${this.ready.admin}/api/v1/sessions`);
    const body = (await response.json()) as { items: SessionItem[] };
    return body.items;
  }

  /** The session whose command holds the marker, once it is closed. */
  async ended(marker: string): Promise<SessionItem> {
    let found: SessionItem | undefined;
    await until(async () => {
      found = (await this.sessions()).find(
        item => item.command.join(' ').includes(marker) && item.state === 'closed',
      );
      return found !== undefined;
    });
    if (found === undefined) throw new Error(`no ended session with ${marker}`);
    return found;
  }

  auditLines(): Record<string, unknown>[] {
    return readFileSync(this.ready.audit, 'utf8')
      .trimEnd()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends it as an operator does, and gives its exit code. */
  async stop(): Promise<number> {
    if (this.#process.exitCode !== null) return this.#process.exitCode;
    this.#process.kill('SIGTERM');
    const [code] = await once(this.#process, 'exit');
    return code ?? -1;
  }
}

export interface SessionItem {
  readonly id: string;
  readonly state: string;
  readonly command: readonly string[];
  readonly pod: string;
  readonly outcome?: string;
  readonly exitCode?: number;
  readonly recorder?: string;
  readonly caller: { readonly user: string };
  readonly protocol: { readonly transport: string; readonly subprotocol?: string };
  readonly since: string;
  readonly cause?: { readonly code: string; readonly message: string };
  readonly transitions: readonly { readonly state: string; readonly event: string }[];
}

export interface Cast {
  readonly header: {
    readonly version: number;
    readonly width: number;
    readonly height: number;
    readonly command?: string;
    readonly kubernetes: Readonly<Record<string, string>>;
    readonly kubewitness: { readonly sessionId: string; readonly user: string; readonly subprotocol: string };
  };
  readonly events: readonly (readonly [number, string, string])[];
  /** All output in order. */
  readonly text: string;
}

export function readCast(file: string): Cast {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const events = lines.map(line => JSON.parse(line) as [number, string, string]);
  return {
    header: JSON.parse(header) as Cast['header'],
    events,
    text: events
      .filter(event => event[1] === 'o')
      .map(event => event[2])
      .join(''),
  };
}

/** Waits for something outside this process that tells nobody: a file, another program's list. */
export async function until(done: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}

/** Collects a stream and waits for text in it. */
export function reader(child: ChildProcess): { text: () => string; seen: (what: string) => Promise<void> } {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      text += String(chunk);
    });
  }
  return {
    text: () => text,
    seen: what => until(() => text.includes(what)),
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Runs the built program with these arguments to its end. */
export function kubewitness(args: readonly string[], cwd?: string): Promise<CommandResult> {
  return new Promise(resolve => {
    execFile(
      process.execPath,
      [main, ...args],
      { encoding: 'buffer', cwd, timeout: 30_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: stderr.toString() });
      },
    );
  });
}
