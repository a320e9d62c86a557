import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseDockerfile, type Stage } from './dockerfile.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Performs the Dockerfile in folders, one for each stage, as a container engine would on an empty base: what is copied
 * comes from the tracked files less .dockerignore, what is run is run by `sh` in its WORKDIR. Gives the last stage's folder.
 */
export async function buildImage(folder: string): Promise<{ root: string; stage: Stage }> {
  const stages = parseDockerfile(readFileSync(join(repository, 'Dockerfile'), 'utf8'));
  const context = join(folder, 'context');
  copyContext(context);
  let last: { root: string; stage: Stage } | undefined;
  for (const [index, stage] of stages.entries()) {
    const root = join(folder, stage.name ?? String(index));
    mkdirSync(root);
    await perform(stage, root, from => (from === undefined ? context : join(folder, from)), folder);
    last = { root, stage };
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

async function perform(
  stage: Stage,
  root: string,
  sourceOf: (from: string | undefined) => string,
  home: string,
): Promise<void> {
  let workdir = '/';
  for (const { name, text } of stage.steps) {
    if (name === 'WORKDIR') {
      workdir = resolve(workdir, text);
      mkdirSync(join(root, workdir), { recursive: true });
    } else if (name === 'COPY') {
      const words = text.split(/\s+/);
      const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
      copy(
        words.slice(0, -1).map(word => join(sourceOf(from), word)),
        words.at(-1) ?? '',
        join(root, workdir),
      );
    } else if (name === 'RUN') {
      await run(text, join(root, workdir), home);
    }
  }
}

/** As COPY does it: of a folder the content, a file under its own name where the target is a folder. */
function copy(sources: readonly string[], target: string, workdir: string): void {
  const to = resolve(workdir, target);
  const intoFolder = target.endsWith('/') || sources.length > 1;
  for (const source of sources) {
    const isFile = statSync(source).isFile();
    cpSync(source, isFile && intoFolder ? join(to, basename(source)) : to, {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

async function run(command: string, cwd: string, home: string): Promise<void> {
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
  const userconfig = execFileSync('npm', ['config', 'get', 'userconfig'], { encoding: 'utf8' }).trim();
  // Nothing of this test run's own environment, but for where npm finds packages and whom it trusts.
  const env = {
    NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'],
    PATH: process.env['PATH'],
    HOME: home,
    npm_config_cache: cache,
    npm_config_userconfig: userconfig,
    npm_config_prefer_offline: 'true',
  };
  await promisify(execFile)('sh', ['-ec', command], { cwd, env, maxBuffer: 16 * 1024 * 1024 });
}

function copyContext(to: string): void {
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const ignored = readFileSync(join(repository, '.dockerignore'), 'utf8')
    .split('\n')
    .filter(line => line !== '');
  const odd = ignored.find(line => /[*?![#/]/.test(line));
  if (odd !== undefined) throw new Error(`.dockerignore: ${odd} is more than a name`);
  const files = execFileSync('git', git, { cwd: repository, encoding: 'utf8' }).split('\0');
  for (const file of files) {
    if (file === '' || ignored.includes(file.split('/')[0] ?? '')) continue;
    if (!existsSync(join(repository, file))) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(repository, file), join(to, file));
  }
}
