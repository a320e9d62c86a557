import { Agent, get } from 'node:https';

export interface GetLoad {
  /** What did not come to a whole 200, in words. */
  readonly failures: readonly string[];
  readonly served: () => number;
  /** Ends the load; resolves when the last request has ended. */
  stop(): Promise<void>;
}

/**
 * Clients that ask for one object again and again, each on a kept connection of its own, and a watcher that watches on
 * when its watch ends. What fails is not repeated, but for a watch on a kept connection that was closed before it got
 * there: no server can rule that out behind an answer that began long ago, and Go's client repeats it too.
 */
export function startGetLoad(url: string, caPem: string, token: string, clients = 6): GetLoad {
  const failures: string[] = [];
  const agents = Array.from({ length: clients + 1 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  let served = 0;
  let stopping = false;
  let stopWatch = (): void => {};

  const ask = (agent: Agent, path: string, isWatch: boolean): Promise<void> =>
    new Promise(resolve => {
      const request = get(`${url}${path}`, {
        ca: caPem,
        agent,
        headers: { authorization: `Bearer ${token}` },
      });
      const fail = (words: string): void => {
        failures.push(`${path}: ${words}`);
        resolve();
      };
      const onError = (error: Error): void => {
        const late = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
        if (isWatch && (stopping || late)) resolve();
        else fail(String(error));
      };
      request.on('error', onError);
      request.on('response', response => {
        let text = '';
        response.on('data', piece => {
          text += String(piece);
        });
        response.on('error', error => (isWatch && stopping ? resolve() : fail(`cut: ${String(error)}`)));
        response.on('end', () => {
          if (response.statusCode !== 200) fail(`${response.statusCode} ${text.slice(0, 200)}`);
          else {
            served++;
            resolve();
          }
        });
      });
      if (isWatch) stopWatch = () => request.destroy();
    });
  const loops = agents.map(async (agent, at) => {
    const path = at === 0 ? '/api/v1/pods?watch=true' : '/api/v1/namespaces/default/pods/shell';
    while (!stopping) await ask(agent, path, at === 0);
  });
  return {
    failures,
    served: () => served,
    stop: async () => {
      stopping = true;
      stopWatch();
      await Promise.all(loops);
      for (const agent of agents) agent.destroy();
    },
  };
}
