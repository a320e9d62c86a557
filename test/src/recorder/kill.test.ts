import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import { ackOf, CAST, HeardLog, http2, newFolder, onlyManifest, running, V2Sender } from './harness.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Each costs a start of Node: about 20 s in all. */
const KILLS = 100;
const UPLOADS_AT_ONCE = 3;
const SEED = 20_260_101;

/** Compiles the recorder by itself, so that a process of its own can run it, and writes a program that starts it. */
async function compile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kubewitness-kill-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const options =
    '--ignoreConfig --noCheck --target es2023 --module nodenext --types node --rewriteRelativeImportExtensions';
  const entries = ['server', 'folder-storage'].map(name => `src/recorder/${name}.ts`);
  const args = [tsc, ...entries, ...options.split(' '), '--rootDir', root, '--outDir', folder];
  await promisify(execFile)(process.execPath, args, { cwd: root });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const program = join(folder, 'program.js');
  await writeFile(
    program,
    `import { startRecorder } from './src/recorder/server.js';
     import { FolderStorage } from './src/recorder/folder-storage.js';
     import { systemClock as clock } from './src/clock.js';
     const log = { info() {}, warn() {}, error() {} };
     const storage = await FolderStorage.open(process.argv[2], { clock, log });
     const { port } = await startRecorder({ host: '127.0.0.1', port: 0, storage, clock, log });
     console.log(port);`,
  );
  return program;
}

let program: string;
beforeAll(async () => {
  program = await compile();
});

async function started(folder: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  const port = Number(await new Promise<string>(resolve => lines.once('line', resolve)));
  return { child, port };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

test('what was acknowledged before a SIGKILL is there after the restart, flagged', async () => {
  const folder = await newFolder();
  const { child, port } = await started(folder);
  const sender = new V2Sender(http2({ port }));
  sender.stream.on('error', () => {});
  const text = `${CAST}[2,"o","half a li`;
  sender.stream.write(text);
  await sender.acked(Buffer.byteLength(text));
  await kill(child);
  expect(await readdir(folder)).toEqual([expect.stringMatching(/\.cast\.part$/)]);

  const { recorder } = await running({ folder });
  expect(await onlyManifest(recorder)).toMatchObject({
    complete: false,
    incompleteReason: expect.stringMatching(/^interrupted: .*; the last line is torn \(17 bytes/),
    sha256: createHash('sha256').update(text).digest('hex'),
    bytes: Buffer.byteLength(text),
    events: 2,
  });
});

/** Deterministic numbers in [0, 1): mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A cast that tells its session and has lines of all lengths. */
function castOf(sessionId: string, random: () => number): Buffer {
  const lines = [JSON.stringify({ version: 2, width: 80, height: 24, kubewitness: { sessionId } })];
  const count = 20 + Math.floor(random() * 400);
  for (let at = 0; at < count; at++) {
    lines.push(JSON.stringify([at, 'o', 'é'.repeat(Math.floor(random() ** 6 * 5000))]));
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Sends a cast in pieces that heed no line ends, and knows what was acknowledged. */
class PiecewiseUpload {
  readonly sessionId: string;
  readonly sent: Buffer;
  readonly #sender: V2Sender;

  constructor(port: number, sessionId: string, random: () => number) {
    this.sessionId = sessionId;
    this.sent = castOf(sessionId, random);
    this.#sender = new V2Sender(http2({ port }));
    this.#sender.stream.on('error', () => {});
    for (let at = 0; at < this.sent.length; ) {
      const end = at + 1 + Math.floor(random() * 9000);
      this.#sender.stream.write(this.sent.subarray(at, end));
      at = end;
    }
    if (random() < 0.5) this.#sender.stream.end();
  }

  get ackedBytes(): number {
    return Math.max(0, ...this.#sender.objects.map(object => ackOf(object) ?? 0));
  }

  firstAck(): Promise<unknown> {
    return this.#sender.object(object => (ackOf(object) ?? 0) > 0);
  }
}

test(`${KILLS} SIGKILLs at random points: nothing acknowledged is missing`, {
  timeout: 300_000,
}, async () => {
  const folder = await newFolder();
  const random = seeded(SEED);
  let tornFiles = 0;
  for (let round = 0; round < KILLS; round++) {
    const { child, port } = await started(folder);
    const uploads = Array.from(
      { length: UPLOADS_AT_ONCE },
      (_, at) => new PiecewiseUpload(port, `${round}-${at}`, random),
    );
    await Promise.race(uploads.map(upload => upload.firstAck()));
    const turns = Math.floor(random() * 200);
    for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
    await kill(child);

    const storage = await FolderStorage.open(folder, { clock: systemClock, log: new HeardLog() });
    for (const { sessionId, sent, ackedBytes } of uploads) {
      const { manifests } = await storage.search({ session: sessionId, limit: 2 });
      const [manifest] = manifests;
      if (manifest === undefined) {
        expect(ackedBytes, `acknowledged bytes of a recording without a whole header`).toBeLessThan(80);
        continue;
      }
      const stored = await readFile(join(folder, manifest.file));
      expect(stored.length).toBeGreaterThanOrEqual(ackedBytes);
      expect(stored.equals(sent.subarray(0, stored.length))).toBe(true);
      expect(manifest).toMatchObject({
        bytes: stored.length,
        sha256: createHash('sha256').update(stored).digest('hex'),
      });
      if (!manifest.complete) expect(manifest.incompleteReason).toMatch(/^interrupted: /);
      else expect(stored.length).toBe(sent.length);
      const cast = await storage.openCast(manifest.id);
      if (cast === undefined) throw new Error('no cast');
      const served = await buffer(cast.body);
      expect(served.at(-1)).toBe(0x0a);
      expect(served.equals(stored.subarray(0, stored.lastIndexOf(0x0a) + 1))).toBe(true);
      if (served.length < stored.length) tornFiles++;
    }
    expect((await readdir(folder)).filter(name => name.endsWith('.part'))).toEqual([]);
  }
  // Otherwise the kills came too late to prove anything.
  expect(tornFiles).toBeGreaterThan(KILLS / 10);
});
