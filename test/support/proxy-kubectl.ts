import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubectlVersion } from './kubectl.ts';
import { kubectlPath } from './kubectl.ts';
import type { ProxyProcess } from './process-group.ts';

type Proxy = Pick<ProxyProcess, 'url' | 'caPem' | 'dir'>;

/** A real kubectl towards a proxy; the caller talks to it. `credentials` are flags, such as `--token`. */
export async function spawnKubectl(
  { url, caPem, dir }: Proxy,
  version: KubectlVersion,
  credentials: readonly string[],
  args: readonly string[],
): Promise<ChildProcess> {
  const ca = join(dir, 'proxy-ca.pem');
  writeFileSync(ca, caPem);
  const server = ['--server', url, '--certificate-authority', ca];
  return spawn(await kubectlPath(version), [...server, ...credentials, ...args], {
    env: { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: '/dev/null' },
    stdio: 'pipe',
  });
}

/** Runs it to its end. */
export async function runKubectl(
  ...call: Parameters<typeof spawnKubectl>
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = await spawnKubectl(...call);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', chunk => {
    stdout += String(chunk);
  });
  child.stderr?.on('data', chunk => {
    stderr += String(chunk);
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end();
  const [code] = await once(child, 'close');
  return { code: code ?? -1, stdout, stderr };
}
