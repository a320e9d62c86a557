import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectRecorder } from '../../src/recording/connect.ts';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { kubewitness, TryCluster, until } from '../support/try-cluster.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const MARKER = 'kw-recordings-e2e';
const UPLOAD = 'upload-token-0123456789';
const READ = 'read-token-0123456789';
const CAST =
  `${JSON.stringify({ version: 2, width: 80, height: 24, kubewitness: { sessionId: 'kw-s', user: 'ann' } })}\n` +
  '[0.5,"o","hello"]\n';

async function run(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kubewitness(['recordings', ...args]);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout.toString();
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubewitness-recordings-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `kubewitness recorder` with these options, stopped when the test is over. */
async function recorder(folder: string, options: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const ready = join(folder, 'ready.json');
  const child: ChildProcess = spawn(
    process.execPath,
    [main, 'recorder', '--dir', join(folder, 'rec'), '--port', '0', '--ready-file', ready, ...options],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], ...env } },
  );
  let log = '';
  child.stderr?.on('data', chunk => {
    log += String(chunk);
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the recorder ended:\n${log}`);
    return existsSync(ready);
  });
  const { address }: { address: string } = JSON.parse(readFileSync(ready, 'utf8'));
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    return child.exitCode;
  };
  return { url: `http://${address}`, dir: join(folder, 'rec'), log: () => log, stop };
}

function upload(url: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${url}/record`, { method: 'POST', body: CAST, headers }).then(({ status }) => status);
}

describe('what kubectl did, seen by kubewitness recordings', () => {
  let cluster: TryCluster;
  let dir: string;
  let session: string;

  beforeAll(async () => {
    cluster = await TryCluster.start();
    dir = cluster.ready.recordings;
    const done = await cluster.kubectl(['exec', 'shell', '--', 'sh', '-c', `echo ${MARKER}`], {
      version: '1.36',
    });
    expect(done.stdout.toString()).toBe(`${MARKER}\n`);
    session = (await cluster.ended(MARKER)).id;
    await cluster.castOf(session);
  });
  afterAll(() => cluster?.stop());

  test('list finds it by command and session, in the folder and over HTTP', async () => {
    const filters = ['--command', MARKER.toUpperCase(), '--session', session, '--complete', 'true'];
    const [heading, row, ...rest] = (await run(['list', '--dir', dir, ...filters])).trimEnd().split('\n');
    expect(heading).toMatch(/^RECEIVED +ID +USER +POD +COMMAND/);
    expect(row).toContain(MARKER);
    expect(rest).toEqual([]);
    const url = `http://${cluster.ready.recorder}`;
    expect(await run(['list', '--url', url, ...filters])).toBe([heading, row, ''].join('\n'));
    expect((await run(['list', '--dir', dir, '--command', 'nothing-like-it'])).split('\n')).toHaveLength(2);
  });

  test('show, cat, join and verify', async () => {
    const manifest = JSON.parse(await run(['show', session, '--dir', dir]));
    expect(manifest).toMatchObject({ sessionId: session, complete: true, protocol: 'v2' });
    const stored = readFileSync(join(dir, manifest.file), 'utf8');
    expect(await run(['cat', manifest.id, '--dir', dir])).toBe(stored);
    expect(await run(['cat', session, '--url', `http://${cluster.ready.recorder}`])).toBe(stored);
    expect(await run(['join', session, '--dir', dir])).toBe(stored);
    expect(await run(['verify', '--dir', dir])).toMatch(/ 0 not as recorded\n$/);
  });

  test('export writes a page that needs nothing else', async () => {
    const out = join(newFolder(), 'page.html');
    await run(['export', session, '--dir', dir, '--out', out]);
    const page = readFileSync(out, 'utf8');
    expect(page).toContain(MARKER);
    expect(page).toContain('AsciinemaPlayer');
    expect(page).not.toMatch(/<(link|img|iframe)|<script[^>]+src/);
  });
});

describe('the folder of a recorder', () => {
  test('verify names file and line of a flipped byte and exits 1', async () => {
    const { url, dir } = await recorder(newFolder(), []);
    expect(await upload(url)).toBe(200);
    const file = readdirSync(dir).find(name => name.endsWith('.cast')) ?? '';
    writeFileSync(join(dir, file), CAST.replace('hello', 'hallo'));
    const result = await kubewitness(['recordings', 'verify', '--dir', dir]);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stdout.toString()).toContain(`${file}: line 2 is not what was recorded\n`);
  });

  test('parts of a session are joined into the undisturbed cast', async () => {
    const { url, dir } = await recorder(newFolder(), []);
    const header = JSON.parse(CAST.split('\n')[0] ?? '');
    const offset = CAST.indexOf('[0.5');
    header.kubewitness.continues = { recording: 'kw-s', offset };
    expect(await upload(url)).toBe(200);
    const part = `${JSON.stringify(header)}\n[0.5,"o","hello"]\n[1,"o","more"]\n`;
    await fetch(`${url}/record`, { method: 'POST', body: part });
    const out = join(newFolder(), 'joined.cast');
    await run(['join', 'kw-s', '--dir', dir, '--out', out]);
    expect(readFileSync(out, 'utf8')).toBe(`${CAST}[1,"o","more"]\n`);
  });

  test('what is on hold outlives retention, what is not does not', async () => {
    const folder = newFolder();
    const first = await recorder(folder, []);
    expect([await upload(first.url), await upload(first.url)]).toEqual([200, 200]);
    expect(await first.stop()).toBe(0);
    const listed = await run(['list', '--dir', first.dir, '--json']);
    const [held, gone] = listed
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).id);
    expect(await run(['hold', held, '--dir', first.dir, '--reason', 'case 7'])).toBe(`${held} is on hold\n`);
    expect(JSON.parse(await run(['show', held, '--dir', first.dir]))).toMatchObject({
      hold: { reason: 'case 7' },
    });
    rmSync(join(folder, 'ready.json'));
    const second = await recorder(folder, ['--keep-days', '0.0000001', '--keep-bytes', '1']);
    const written = join(second.dir, 'retention.jsonl');
    await until(() => !readdirSync(second.dir).some(name => name.includes(gone)));
    expect(await second.stop()).toBe(0);
    expect(
      readFileSync(written, 'utf8')
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).recordingId),
    ).toEqual([gone]);
    expect(await run(['release', held, '--dir', second.dir])).toBe(`${held} is released\n`);
  });

  test('its tokens and its certificate are read again as they rotate, and broken ones are not taken', async () => {
    const folder = newFolder();
    const [tokens, cert, key] = [join(folder, 'upload'), join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const [first, second] = await Promise.all([
      createCertificates(['localhost'], []),
      createCertificates(['localhost'], []),
    ]);
    const show = ({ certPem, keyPem }: typeof first): void => {
      writeFileSync(cert, certPem);
      writeFileSync(key, keyPem);
    };
    show(first);
    writeFileSync(tokens, `${UPLOAD}\n`);
    const options = ['--upload-token-file', tokens, '--tls-cert', cert, '--tls-key', key];
    const { url, log } = await recorder(folder, options);
    const address = `localhost:${new URL(url).port}`;
    const uploads = async (caPem: string, token: string): Promise<boolean> => {
      const upload = await connectRecorder(address, { access: { tls: { ca: caPem }, token } }).catch(
        () => undefined,
      );
      upload?.abort();
      return upload !== undefined;
    };
    expect([await uploads(first.caPem, UPLOAD), await uploads(first.caPem, READ)]).toEqual([true, false]);

    writeFileSync(tokens, 'short\n');
    await until(() => log().includes('credentials not read again'));
    expect(await uploads(first.caPem, UPLOAD)).toBe(true);
    writeFileSync(tokens, `${READ}\n`);
    await until(() => log().includes('credentials read again'));
    expect([await uploads(first.caPem, UPLOAD), await uploads(first.caPem, READ)]).toEqual([false, true]);

    show(second);
    await until(() => log().includes('tls.crt"'));
    expect([await uploads(first.caPem, READ), await uploads(second.caPem, READ)]).toEqual([false, true]);
    expect(log()).not.toMatch(/token-0123|short/);
  });

  test('uploading and reading ask for their own tokens', async () => {
    const folder = newFolder();
    const [uploadFile, readFile] = [join(folder, 'upload'), join(folder, 'read')];
    writeFileSync(uploadFile, `${UPLOAD}\n`);
    writeFileSync(readFile, `${READ}\n`);
    const { url, log } = await recorder(folder, [
      '--upload-token-file',
      uploadFile,
      '--read-token-file',
      readFile,
    ]);
    expect([await upload(url), await upload(url, READ), await upload(url, UPLOAD)]).toEqual([401, 403, 200]);
    expect(await run(['cat', 'kw-s', '--url', url, '--token-file', readFile])).toBe(CAST);
    const refused = await kubewitness(['recordings', 'list', '--url', url, '--token-file', uploadFile]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('answered 403') });
    expect(log()).toContain('travel in the clear');
    expect(log()).not.toMatch(/token-0123/);
  });

  test('a recording over --max-recording-bytes is answered 507', async () => {
    const { url } = await recorder(newFolder(), ['--max-recording-bytes', '10']);
    expect(await upload(url)).toBe(507);
  });

  test('a disk with less than --min-free-bytes is answered 507', async () => {
    const { url } = await recorder(newFolder(), ['--min-free-bytes', '4000Ti']);
    expect(await upload(url)).toBe(507);
  });
});

describe('a recorder in front of a bucket', () => {
  test('recordings arrive there and are read from there', async () => {
    const server = await startFauxqs({ port: 0, logger: false });
    onTestFinished(() => server.stop());
    server.createBucket('casts');
    const options = [
      '--s3-bucket',
      'casts',
      '--s3-endpoint',
      `http://127.0.0.1:${server.port}`,
      '--s3-prefix',
      'a',
    ];
    const env = { AWS_ACCESS_KEY_ID: 'the-key-id', AWS_SECRET_ACCESS_KEY: 'the-secret' };
    const { url, dir, log, stop } = await recorder(newFolder(), options, env);
    expect(await upload(url)).toBe(200);
    await until(() => log().includes('recording is in the bucket'));
    expect(readdirSync(dir)).toEqual([]);
    expect(await run(['cat', 'kw-s', '--url', url])).toBe(CAST);
    expect(await stop()).toBe(0);
    expect(log()).not.toMatch(/the-key-id|the-secret/);
  });

  test('a bucket that does not exist is one clear line', async () => {
    const server = await startFauxqs({ port: 0, logger: false });
    onTestFinished(() => server.stop());
    const options = ['--s3-bucket', 'casts', '--s3-endpoint', `http://127.0.0.1:${server.port}`];
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' };
    await expect(recorder(newFolder(), options, env)).rejects.toThrow(
      /bucket casts at .* there is no such bucket/,
    );
  });
});

describe('bad input is one clear line', () => {
  const rows: readonly [string, string[], RegExp][] = [
    ['no place', ['list'], /either --dir or --url/],
    ['two places', ['list', '--dir', '.', '--url', 'http://x'], /either --dir or --url/],
    ['no such folder', ['list', '--dir', '/nothing/here'], /nothing\/here/],
    ['no such recording', ['show', 'x', '--dir', '.'], /there is no recording x/],
    ['a mistyped time', ['list', '--dir', '.', '--since', 'yesterday'], /--since is not an ISO 8601 time/],
    ['no reason', ['hold', 'x', '--dir', '.'], /--reason is missing/],
    ['no page', ['export', 'x', '--dir', '.'], /--out is missing/],
    ['nobody there', ['list', '--url', 'http://127.0.0.1:1'], /did not answer/],
  ];
  test.each(rows)('%s', async (_name, args, says) => {
    const { code, stderr } = await kubewitness(['recordings', ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
