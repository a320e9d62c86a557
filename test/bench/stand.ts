import { afterAll, beforeAll } from 'vitest';
import { buildPeers } from './peer.ts';
import { type Server, startServer } from './proxy.ts';

/** What every measurement of sessions has about it. */
export interface Stand {
  /** Path of the Go program of all peers. */
  readonly binary: string;
  readonly upstream: Server;
  /** `host:port` of the recorder. */
  readonly recorder: string;
}

/** Starts it before the measurements of a file and stops it after them. What is returned is to be asked within them. */
export function withStand(): () => Stand {
  let stand: Stand | undefined;
  let recorder: Server | undefined;
  beforeAll(async () => {
    const binary = await buildPeers();
    const upstream = await startServer(binary, ['upstream', '-tls']);
    recorder = await startServer(binary, ['recorder']);
    stand = { binary, upstream, recorder: new URL(recorder.url).host };
  });
  afterAll(async () => {
    await stand?.upstream.peer.stop();
    await recorder?.peer.stop();
  });
  return () => {
    if (stand === undefined) throw new Error('the stand is asked for before it is there');
    return stand;
  };
}
