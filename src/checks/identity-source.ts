import type { Backend } from '../tailscale/backend-watch.ts';
import type { LocalApi } from '../tailscale/local-api.ts';
import type { Ask } from './impersonation-rights.ts';

/** Rejects unless tailscaled can say who calls. */
export async function checkTailscale(localApi: Pick<LocalApi, 'status'>): Promise<string> {
  const { backendState, health } = await localApi.status();
  if (backendState !== 'Running')
    throw new Error(`tailscaled is not connected to a tailnet (${backendState})`);
  return health.length === 0 ? 'tailscaled is connected' : `tailscaled says: ${health.join('; ')}`;
}

/** The same from what the bus has told, which is never asked for. Throws unless tailscaled can say who calls. */
export function checkBackend({ state, error, since, health }: Backend): string {
  if (state === undefined) throw new Error(error ?? 'tailscaled has not been heard yet');
  const known = `(${state} since ${new Date(since).toISOString()})`;
  if (state !== 'Running') throw new Error(`tailscaled is not connected to a tailnet ${known}`);
  return [`tailscaled is connected ${known}`, ...health].join('; ');
}

/** Rejects unless the API server reviews tokens for us. */
export async function checkTokenReviews(ask: Ask): Promise<string> {
  const allowed = await ask({ verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' });
  if (!allowed) throw new Error('we may not create tokenreviews.authentication.k8s.io');
  return 'tokens are reviewed';
}
