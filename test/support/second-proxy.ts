import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type TryCluster, until } from './try-cluster.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** `kubewitness proxy` before the same sandbox and recorder as a `try`, with a configuration that a test changes. */
export class SecondProxy {
  readonly admin: string;
  readonly kubeconfig: string;
  /** By user. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly #audit: string;
  readonly #write: (changes: object) => void;
  readonly #process: ChildProcess;

  private constructor(
    process: ChildProcess,
    facts: {
      admin: string;
      kubeconfig: string;
      audit: string;
      tokens: Record<string, string>;
      write: (changes: object) => void;
    },
  ) {
    this.#process = process;
    this.#audit = facts.audit;
    this.#write = facts.write;
    this.admin = facts.admin;
    this.kubeconfig = facts.kubeconfig;
    this.tokens = facts.tokens;
  }

  static async start(cluster: TryCluster, changes: object): Promise<SecondProxy> {
    const folder = join(cluster.dir, 'data', 'config');
    // The file is ours, written by the program under test.
    const config = parse(readFileSync(join(folder, 'proxy.yaml'), 'utf8')) as {
      identity: { static: { user: string; token: string }[] };
    };
    const audit = join(cluster.dir, 'second-audit.jsonl');
    const file = join(folder, 'second.yaml');
    const write = (then: object): void =>
      writeFileSync(file, stringify({ ...config, audit: { file: audit }, ...then }), { mode: 0o600 });
    write(changes);
    const readyFile = join(cluster.dir, 'second-ready.json');
    const child = spawn(process.execPath, [main, 'proxy', '--config', file, '--ready-file', readyFile], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await until(() => {
      if (child.exitCode !== null) throw new Error(`the second proxy ended with ${child.exitCode}`);
      return existsSync(readyFile);
    });
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as { proxy: string; admin: string };
    const kubeconfig = join(cluster.dir, 'second-kubeconfig');
    const first = readFileSync(cluster.ready.kubeconfig, 'utf8');
    writeFileSync(kubeconfig, first.replaceAll(cluster.ready.proxy, ready.proxy), { mode: 0o600 });
    const tokens = Object.fromEntries(config.identity.static.map(({ user, token }) => [user, token]));
    return new SecondProxy(child, { admin: ready.admin, kubeconfig, audit, tokens, write });
  }

  /** The status of an answer of the admin port, asked by a program with that user's token, or without any. */
  async ask(method: string, path: string, user: string | undefined): Promise<number> {
    const token = user === undefined ? {} : { authorization: `Bearer ${this.tokens[user]}` };
    const asked = request(new URL(path, this.admin), {
      method,
      headers: { 'x-requested-by': 'kubewitness', ...token },
      // The authority of a `try` is its own, and it is the proxy under test.
      rejectUnauthorized: false,
      agent: false,
    });
    asked.end();
    const [response] = await once(asked, 'response');
    response.resume();
    return response.statusCode;
  }

  /** Changes the configuration again; resolves when it is in force. */
  async reload(changes: object): Promise<void> {
    const before = this.auditLines('config.changed').length;
    this.#write(changes);
    this.#process.kill('SIGHUP');
    await until(() => this.auditLines('config.changed').length > before);
  }

  auditLines(type: string): Record<string, unknown>[] {
    return readFileSync(this.#audit, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(line => line['type'] === type);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}
