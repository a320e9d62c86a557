import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Upstream } from '../../../src/upstream/target.ts';
import { plainUpstream } from '../upstream/plain-upstream.ts';

/** `status` of a review, or something that is no review. */
export type FakeReview =
  | object
  | { readonly httpStatus: number }
  | { readonly text: string }
  | 'silence'
  | 'reset'
  | 'half'
  | 'endless';

export interface FakeTokenReviews {
  readonly upstream: Upstream;
  readonly reviews: Map<string, FakeReview>;
  readonly asked: { readonly path: string; readonly headers: readonly string[]; readonly body: unknown }[];
  /** Holds answers back until called. */
  hold(): () => void;
  close(): Promise<void>;
}

/** Stands in answers that must not be heard. */
const YES = { authenticated: true, user: { username: 'mallory' } };

/** The one endpoint of an API server that reviews tokens (authentication.k8s.io/v1). Unknown tokens are not authenticated. */
export async function fakeTokenReviews(): Promise<FakeTokenReviews> {
  const reviews = new Map<string, FakeReview>();
  const asked: { path: string; headers: readonly string[]; body: { spec: { token: string } } }[] = [];
  let held: Promise<void> = Promise.resolve();
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += String(piece);
    const body: { spec: { token: string } } = JSON.parse(text);
    asked.push({ path: `${request.method} ${request.url}`, headers: request.rawHeaders, body });
    await held;
    const review = reviews.get(body.spec.token) ?? { error: 'invalid bearer token' };
    if (review === 'silence') return;
    if (review === 'reset') response.socket?.destroy();
    else if (review === 'half') {
      response.writeHead(201, { 'Content-Length': '100' });
      response.write('{"kind":', () => response.socket?.destroy());
    } else if (review === 'endless') {
      response.writeHead(201);
      response.end(`${' '.repeat(1024 * 1024)}${JSON.stringify({ ...body, status: YES })}`);
    } else if (typeof review === 'string') throw new Error(review);
    else if ('httpStatus' in review) {
      response.writeHead(Number(review.httpStatus));
      response.end(JSON.stringify({ ...body, status: YES }));
    } else if ('text' in review) {
      response.writeHead(201);
      response.end(review.text);
    } else {
      response.writeHead(201, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ ...body, metadata: {}, status: review }));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It listens on TCP.
  const { port } = server.address() as AddressInfo;
  return {
    upstream: plainUpstream(port, { pathPrefix: '/k8s/c1', authorization: () => 'Bearer our-own' }),
    reviews,
    asked,
    hold: () => {
      let release = (): void => {};
      held = new Promise<void>(resolve => {
        release = resolve;
      });
      return release;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}
