import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type KubectlVersion, kubectlPath } from './kubectl.ts';
import { until } from './try-cluster.ts';

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a real kubectl at an address, with the credentials of one call and no kubeconfig. */
export function kubectlAt(url: string, caPem: string, version: KubectlVersion = '1.36') {
  const home = mkdtempSync(join(tmpdir(), 'kubewitness-kubectl-'));
  const ca = join(home, 'ca.pem');
  writeFileSync(ca, caPem);
  const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: '/dev/null' };
  const at = ['--server', url, '--certificate-authority', ca, '--tls-server-name', 'localhost'];
  return async (args: readonly string[], credentials: readonly string[] = []): Promise<KubectlResult> => {
    const child = spawn(await kubectlPath(version), [...at, ...credentials, ...args], { env });
    child.stdin.end();
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { code: code ?? -1, stdout, stderr };
  };
}

/** Asks who the API server believes is calling: `user ["group",…]`. */
export const WHO = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username} {.status.userInfo.groups}'];
/** kubectl asks for a name without any credential; Tailscale's own kubeconfigs hold this one. */
export const DEVICE = ['--token', 'unused'];

/** Without asking for what there is first: that is answered by a refusal whose words kubectl does not show. */
export const PODS = ['get', '--raw', '/api/v1/namespaces/default/pods'];

export function execOf(marker: string): string[] {
  return ['exec', '-n', 'default', 'shell', '--', 'echo', marker];
}

/** The finished cast in a recorder's folder that holds the text, once it is there. */
export async function castWith(dir: string, marker: string): Promise<string> {
  let found: string | undefined;
  await until(() => {
    found = readdirSync(dir)
      .filter(name => name.endsWith('.cast'))
      .map(name => readFileSync(join(dir, name), 'utf8'))
      .find(cast => cast.includes(marker));
    return found !== undefined;
  });
  return found ?? '';
}
