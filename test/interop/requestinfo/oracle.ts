import { z } from 'zod';
import type { RequestInfo } from '../../../src/kube/request-info.ts';
import { buildGo } from '../go-program.ts';
import { LinePeer } from '../line-peer.ts';

/** Either why the API server refuses to read the request, or what it understands it to be. */
export type OracleAnswer = { readonly error: string } | RequestInfo;

const ANSWER = z.union([
  z.object({ error: z.string() }),
  z.object({
    isResourceRequest: z.boolean(),
    verb: z.string(),
    apiPrefix: z.string(),
    apiGroup: z.string(),
    apiVersion: z.string(),
    namespace: z.string(),
    resource: z.string(),
    subresource: z.string(),
    name: z.string(),
    parts: z.array(z.string()),
    path: z.string(),
  }),
]);

/** The API server's own code, asked one request line at a time. */
export class Oracle {
  readonly #peer: LinePeer;

  private constructor(peer: LinePeer) {
    this.#peer = peer;
  }

  static async start(): Promise<Oracle> {
    return new Oracle(new LinePeer(await buildGo('requestinfo')));
  }

  async ask(method: string, target: string): Promise<OracleAnswer> {
    this.#peer.write({ method, target });
    return ANSWER.parse(await this.#peer.next());
  }

  async stop(): Promise<void> {
    await this.#peer.stop();
  }
}
