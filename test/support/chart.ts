import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { helmPath } from './kubectl.ts';

export const DEPLOY = fileURLToPath(new URL('../../docs/deploy/', import.meta.url));
export const CHART = `${DEPLOY}chart`;

/** Names of the whole examples under docs/deploy/values. */
export const EXAMPLES: readonly string[] = readdirSync(`${DEPLOY}values`).map(file =>
  file.replace(/\.yaml$/, ''),
);

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a real helm to its end, with no settings of this machine. */
export async function helm(args: readonly string[]): Promise<HelmResult> {
  const path = await helmPath();
  return new Promise(resolve => {
    const env = { HOME: '/nonexistent', PATH: process.env['PATH'] };
    execFile(path, args, { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

export interface RenderOptions {
  readonly example?: string;
  readonly set?: readonly string[];
  /** Of the cluster; 1.36 has constrained impersonation. */
  readonly kubeVersion?: '1.34.0' | '1.36.0';
}

/** The text that `helm template` writes. @throws what helm says when it refuses */
export async function rendered({
  example,
  set = [],
  kubeVersion = '1.34.0',
}: RenderOptions): Promise<string> {
  const { code, stdout, stderr } = await helm([
    'template',
    'kubewitness',
    CHART,
    '--namespace=kubewitness',
    `--kube-version=${kubeVersion}`,
    ...(example === undefined ? [] : [`--values=${DEPLOY}values/${example}.yaml`]),
    ...set.flatMap(value => ['--set-json', value]),
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The objects of a rendered chart, each as plain data. */
export async function objects(options: RenderOptions) {
  return parse(await rendered(options));
}

export function parse(text: string) {
  return parseAllDocuments(text)
    .map(document => {
      const [problem] = [...document.errors, ...document.warnings];
      if (problem !== undefined) throw problem;
      return document.toJS();
    })
    .filter(object => object !== null);
}

/** The one object of a kind whose name ends so. */
export async function object(kind: string, options: RenderOptions, suffix = '') {
  const found = (await objects(options)).filter(
    item => item.kind === kind && String(item.metadata.name).endsWith(suffix),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0];
}
