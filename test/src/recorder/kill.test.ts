import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { CAST, http2, newFolder, onlyManifest, running, V2Sender } from './harness.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles the recorder by itself, so that a process of its own can run it, and writes a program that starts it. */
async function compiled(): Promise<string> {
  const folder = await newFolder();
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

test('what was acknowledged before a SIGKILL is there after the restart, flagged', async () => {
  const folder = await newFolder();
  const child = spawn(process.execPath, [await compiled(), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  const port = Number(await new Promise<string>(resolve => lines.once('line', resolve)));

  const sender = new V2Sender(http2({ port }));
  sender.stream.on('error', () => {});
  const text = `${CAST}[2,"o","half a li`;
  sender.stream.write(text);
  await sender.acked(Buffer.byteLength(text));
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
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
