import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { BackendWatch } from '../tailscale/backend-watch.ts';
import { openLocalApi } from '../tailscale/local-api.ts';
import { after } from './after.ts';

/** One watch for each tailscaled that is asked for, from the first question until the end of the process. */
export class TailscaleWatches {
  readonly #parts: { readonly clock: Clock; readonly log: Logger };
  readonly #watches = new Map<string, BackendWatch>();

  constructor(parts: { readonly clock: Clock; readonly log: Logger }) {
    this.#parts = parts;
  }

  of(socketPath: string): BackendWatch {
    const known = this.#watches.get(socketPath);
    if (known !== undefined) return known;
    const { status } = openLocalApi({ socketPath });
    const watch = new BackendWatch({ ...this.#parts, socketPath, status, after });
    this.#watches.set(socketPath, watch);
    return watch;
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
  }
}
