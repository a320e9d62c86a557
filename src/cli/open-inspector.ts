import { systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { startInspectServer } from '../live/inspect-server.ts';
import type { Logger } from '../log.ts';
import { inspected } from '../session/inspection.ts';
import type { RegistryOptions } from '../session/registry.ts';

export interface OpenInspector {
  readonly inspect: NonNullable<RegistryOptions['inspect']>;
  close(): Promise<void>;
}

/** `--inspect`: says in the log where, since it is nothing to leave on. */
export async function openInspector(port: number, log: Logger): Promise<OpenInspector> {
  const server = await startInspectServer(port);
  log.warn({ url: `ws://127.0.0.1:${server.port}` }, 'the machines can be inspected');
  return {
    inspect: event => {
      // Whatever is wrong with the telling must not reach into a session.
      try {
        const told = inspected(event, systemClock.now());
        if (told !== undefined) server.tell(told);
      } catch (error) {
        log.error({ error: messageOf(error) }, 'an inspection event could not be told');
      }
    },
    close: () => server.close(),
  };
}
