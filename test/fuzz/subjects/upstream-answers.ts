import fc from 'fast-check';
import { WitnessError } from '../../../src/errors.ts';
import { reviewAtUpstream } from '../../../src/identity/token-review-request.ts';
import { plainUpstream } from '../../src/upstream/plain-upstream.ts';
import { answering } from '../peer.ts';
import type { Subject } from '../subject.ts';
import { json, must, texts } from '../subject.ts';

async function checkReview(input: Buffer): Promise<void> {
  await answering(input, 'port', async port => {
    const review = await reviewAtUpstream(plainUpstream(Number(port)))('token', []).catch(
      (error: unknown) => {
        if (error instanceof WitnessError && error.code === 'KW_IDENTITY_UNAVAILABLE') return undefined;
        throw error;
      },
    );
    if (review?.authenticated !== true) return;
    const text = input.toString('utf8');
    must(/^HTTP\/1\.1 20[01]/.test(text) || /\nHTTP\/1\.1 20[01]/.test(text), 'a yes that is no answer');
    must(/"authenticated"\s*:\s*true/.test(text) || text.includes('\\u'), 'a yes that nobody said');
  });
}

const FIELDS = [
  'kind',
  'status',
  'authenticated',
  'user',
  'username',
  'groups',
  'extra',
  'audiences',
  '__proto__',
];
const GOOD = {
  kind: 'TokenReview',
  status: { authenticated: true, user: { username: 'ann', groups: ['g'] } },
};

/** Go leaves a false out. */
const UNSAID = { kind: 'TokenReview', status: { user: GOOD.status.user } };

export const UPSTREAM_SUBJECTS: readonly Subject[] = [
  {
    name: 'token-review',
    slow: true,
    files: ['src/identity/token-review-request.ts', 'src/upstream/post-json.ts'],
    words: [
      'HTTP/1.1 201 Created\r\n',
      'Content-Length: ',
      '\r\n\r\n',
      ...FIELDS.map(name => `"${name}":`),
      'true',
      'false',
    ],
    grammar: texts(
      fc
        .tuple(
          fc.constantFrom('201 Created', '200 OK', '403 Forbidden', '500 Error', '302 Found'),
          fc.oneof(
            fc.constantFrom<unknown>(GOOD, UNSAID, { ...GOOD, kind: 'Status' }),
            json(FIELDS, [GOOD.status, GOOD.status.user, true, 'TokenReview', null, []]),
          ),
        )
        .map(([status, value]) => {
          const body = JSON.stringify(value);
          return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
        }),
    ),
    check: checkReview,
  },
];
