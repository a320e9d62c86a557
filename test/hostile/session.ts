import { test } from 'vitest';
import type { Peer } from './peer.ts';
import type { Policy, Rig } from './rig.ts';
import { POLICIES } from './rig.ts';
import type { RequestOptions, Speech, Transport } from './speech.ts';
import { EXECQ, speech, switching, TRANSPORTS, upgradeRequest } from './speech.ts';

export interface Setting {
  readonly policy: Policy;
  readonly transport: Transport;
}

/** One named test for each policy and each protocol in which a row has a meaning. */
export function row(
  name: string,
  body: (setting: Setting) => Promise<void>,
  only: { readonly transports?: readonly Transport[]; readonly policies?: readonly Policy[] } = {},
): void {
  const { transports = TRANSPORTS, policies = POLICIES } = only;
  for (const policy of policies) {
    for (const transport of transports) {
      test(`${name} (${policy}, ${transport})`, () => body({ policy, transport }));
    }
  }
}

export interface LiveSession {
  readonly client: Peer;
  readonly upstream: Peer;
  readonly say: Speech;
  /** Header lines that upstream got. */
  readonly asked: readonly string[];
  /** Header lines of the 101 that the client got. */
  readonly answered: readonly string[];
}

export interface SessionOptions extends Omit<RequestOptions, 'token'> {
  /** Upstream's choice; its default if left out. */
  readonly subprotocol?: string;
  /** Sent in one piece with the 101. */
  readonly withAnswer?: Buffer;
}

/** A session of which both sides have seen the 101, and, in SPDY, the streams. */
export async function openSession(
  rig: Rig,
  { policy, transport }: Setting,
  options: SessionOptions = {},
): Promise<LiveSession> {
  const say = speech(transport, options.target ?? EXECQ);
  const client = await rig.client();
  client.send(upgradeRequest(transport, { ...options, token: policy }));
  const upstream = await rig.upstream.next();
  const asked = await upstream.head();
  upstream.send(switching(transport, options.subprotocol), options.withAnswer ?? '');
  const answered = await client.head();
  client.send(say.opening);
  await upstream.take(say.opening.length);
  if (options.withAnswer === undefined) {
    upstream.send(say.replies);
    await client.take(say.replies.length);
  }
  return { client, upstream, say, asked, answered };
}

/** Header lines of that name, values only. */
export function valuesIn(head: readonly string[], name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return head
    .filter(line => line.toLowerCase().startsWith(prefix))
    .map(line => line.slice(prefix.length).trim());
}

/** A refusal by the proxy itself: its HTTP status and what its Status says. */
export async function refusal(client: Peer): Promise<{ code: number; status: Record<string, unknown> }> {
  const head = await client.head();
  const length = Number(valuesIn(head, 'content-length')[0]);
  const status: unknown = JSON.parse(await client.bytes(length));
  if (typeof status !== 'object' || status === null) throw new Error('no Status');
  return { code: Number(head[0]?.split(' ')[1]), status: { ...status } };
}

/** Events of a cast that a recorder has: header first, then what was written, as text. */
export function castOf(body: Buffer): {
  header: Record<string, unknown>;
  events: [number, string, string][];
} {
  const lines = body.toString('utf8').split('\n').slice(0, -1);
  const [header = {}, ...events] = lines.map(line => JSON.parse(line));
  return { header, events };
}

export function outputOf(body: Buffer): string {
  return castOf(body)
    .events.filter(([, kind]) => kind === 'o')
    .map(([, , text]) => text)
    .join('');
}
