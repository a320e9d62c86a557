import { kubectlPath } from './kubectl.ts';

/** Unpacks the real kubectl binaries once, before the end-to-end tests run in parallel. */
export async function setup(): Promise<void> {
  await Promise.all([kubectlPath('1.29'), kubectlPath('1.36')]);
}
