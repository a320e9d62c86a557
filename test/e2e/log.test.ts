import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startProxyProcess } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

/** Logs far more than a pipe holds, and says on standard output that it came through. */
const PROGRAM = `
import { createLogger, logWritten } from ${JSON.stringify(fileURLToPath(new URL('../../dist/src/log.js', import.meta.url)))};
const log = createLogger('info');
for (let turn = 0; turn < 200; turn++) {
  for (let line = 0; line < 100; line++) log.info({ turn, filler: 'x'.repeat(200) }, 'line');
  await new Promise(resolve => setImmediate(resolve));
}
await logWritten(50);
process.stdout.write('came through');
process.exit();
`;

for (const [how, treat] of [
  ['has gone', (stderr: { destroy(): void }) => stderr.destroy()],
  ['has stopped reading', () => {}],
] as const) {
  test(`B100 a reader of the log that ${how} costs lines, and neither the process nor its time`, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM]);
    treat(child.stderr);
    let said = '';
    child.stdout.on('data', chunk => {
      said += String(chunk);
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(said).toBe('came through');
  });
}

test('B100 a proxy whose output nobody reads starts, serves and ends as any other', async () => {
  const first = await startProxyProcess(['127.0.0.1:1']);
  const config = join(first.dir, 'unread.yaml');
  const ready = join(first.dir, 'unread.json');
  writeFileSync(
    config,
    JSON.stringify({
      ...JSON.parse(readFileSync(join(first.dir, 'proxy.yaml'), 'utf8')),
      audit: { file: 'unread.jsonl' },
    }),
  );
  const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'proxy', '--config', config, '--ready-file', ready]);
  child.stdout.destroy();
  child.stderr.destroy();
  const exited = once(child, 'exit');
  await until(() => existsSync(ready) || child.exitCode !== null);
  const { admin } = JSON.parse(readFileSync(ready, 'utf8'));
  expect((await fetch(`${admin}/livez`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  await first.stop();
});
