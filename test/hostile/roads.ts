import type { Rig } from './rig.ts';
import { valuesIn } from './session.ts';

/** What became of a request: answered by the proxy alone, or seen by upstream. */
export type Fate =
  | { readonly kind: 'refused'; readonly code: number }
  | {
      readonly kind: 'upstream';
      readonly target: string;
      readonly asked: readonly string[];
      /** The request asked upstream for an upgrade. */
      readonly upgrade: boolean;
      /** A recorder had accepted an upload before upstream heard of it. */
      readonly recorded: boolean;
    };

/** Sends bytes on a connection of their own and waits for whoever answers first. */
export async function fateOf(rig: Rig, request: string): Promise<Fate> {
  const client = await rig.client();
  client.send(request);
  const answered = client
    .head()
    .then(head => ({ kind: 'refused' as const, code: Number(head[0]?.split(' ')[1]) }));
  const reached = rig.upstream.next().then(async (peer): Promise<Fate> => {
    const asked = await peer.head();
    return {
      kind: 'upstream',
      target: asked[0]?.split(' ')[1] ?? '',
      asked,
      upgrade: valuesIn(asked, 'upgrade').length > 0,
      recorded: rig.uploadsBefore.at(-1) === 1,
    };
  });
  // Whichever loses is still waiting when the rig goes.
  answered.catch(() => {});
  reached.catch(() => {});
  return await Promise.race([answered, reached]);
}
