import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Lower numbers are imported by higher ones, never the other way, never across one number (docs/architecture.md). */
const LAYERS: readonly (readonly string[])[] = [
  ['src/errors.ts', 'src/headers.ts', 'src/log.ts', 'src/clock.ts', 'src/listen.ts'],
  ['src/kube', 'src/audit'],
  ['src/wire', 'src/policy', 'src/metrics'],
  ['machines'],
  ['src/tailscale', 'src/upstream', 'src/relay', 'src/recording', 'src/recorder', 'src/sandbox'],
  ['src/identity', 'src/session'],
  ['src/proxy', 'src/live', 'src/checks'],
  ['src/server.ts', 'src/admin'],
  ['src/config'],
  ['src/cli'],
  ['src/main.ts'],
];

/** Packages that only some places may import. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  'http-proxy': ['src/proxy/forward.ts'],
  xstate: ['machines', 'src/session', 'src/server.ts'],
  eventemitter3: ['src/relay', 'src/recording', 'src/session'],
  ws: ['src/live', 'src/sandbox'],
  preact: ['src/live/page'],
  // Made by the page's own build.
  'virtual:session-chart': ['src/live/page'],
  'asciinema-player': ['src/live/page'],
  // These two work while the page is built, and never in a running proxy.
  vite: ['src/live/page/vite.config.ts'],
  elkjs: ['machines/chart-layout.ts', 'src/live/page/vite.config.ts'],
  pako: ['src/wire', 'src/sandbox'],
  '@lydell/node-pty': ['src/sandbox'],
  selfsigned: ['src/sandbox'],
  commander: ['src/cli', 'src/main.ts'],
  aws4fetch: ['src/recorder'],
  yaml: ['src/config', 'src/upstream', 'src/sandbox', 'src/cli'],
  zod: ['src/config', 'src/policy', 'src/upstream', 'src/tailscale', 'src/identity', 'src/audit'],
  'prom-client': ['src/metrics'],
  pg: ['src/audit/postgres'],
  kysely: ['src/audit/postgres'],
  pino: ['src/log.ts'],
};

/** The pure core: no I/O, no clock, no environment. */
const PURE = ['src/kube', 'src/wire', 'src/policy', 'machines', 'src/headers.ts', 'src/errors.ts'];
const PURE_NODE_MODULES = ['node:buffer', 'node:string_decoder', 'node:zlib', 'node:util', 'node:net'];

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/g;
  return [...text.matchAll(pattern)].map(match => {
    const name = match[2] ?? match[3] ?? '';
    const target = name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name;
    return { file, target, typeOnly: match[1] !== undefined };
  });
}

function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function layerOf(file: string): { level: number; place: string } {
  for (const [level, places] of LAYERS.entries()) {
    const place = places.find(candidate => isIn(file, candidate));
    if (place !== undefined) return { level, place };
  }
  throw new Error(`${file} belongs to no layer: name it in test/layers.test.ts and docs/architecture.md`);
}

const files = [...sources('src'), ...sources('machines')];
const imports = files.flatMap(importsOf);

describe('layers', () => {
  test('the walk sees the tree', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(10);
  });

  test('every file belongs to a layer and imports downwards only', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('src/') || target.startsWith('machines/'))
      .filter(({ file, target }) => {
        const from = layerOf(file);
        const to = layerOf(target);
        return from.place !== to.place && to.level >= from.level;
      })
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(files.map(layerOf)).toHaveLength(files.length);
    expect(wrong).toEqual([]);
  });

  test('machines take types only from src', () => {
    const wrong = imports.filter(
      ({ file, target, typeOnly }) => isIn(file, 'machines') && target.startsWith('src/') && !typeOnly,
    );
    expect(wrong).toEqual([]);
  });

  test('packages stay where they belong', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (target.startsWith('node:') || target.startsWith('src/') || target.startsWith('machines/'))
        return false;
      const name = target.startsWith('@')
        ? target.split('/').slice(0, 2).join('/')
        : (target.split('/')[0] ?? '');
      const homes = PACKAGE_HOMES[name];
      return homes === undefined || !homes.some(home => isIn(file, home));
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  test('the core is pure', () => {
    const wrong = imports.filter(
      ({ file, target, typeOnly }) =>
        PURE.some(place => isIn(file, place)) &&
        target.startsWith('node:') &&
        !typeOnly &&
        !PURE_NODE_MODULES.includes(target),
    );
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  test('only main and the commands read the process environment', () => {
    const wrong = files.filter(
      file => /process\.(env|argv)/.test(readFileSync(join(root, file), 'utf8')) && layerOf(file).level < 8,
    );
    expect(wrong).toEqual([]);
  });
});
