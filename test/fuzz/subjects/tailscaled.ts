import fc from 'fast-check';
import { parseCertificatePair } from '../../../src/tailscale/certificate-pair.ts';
import { listenToBus } from '../../../src/tailscale/ipn-bus.ts';
import { LineCutter } from '../../../src/tailscale/line-cutter.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import { LocalApiError } from '../../../src/tailscale/local-api-error.ts';
import { answering } from '../peer.ts';
import type { Subject } from '../subject.ts';
import { declared, json, must, mustEqual, pieces, texts } from '../subject.ts';

function isLocalApi(error: unknown): boolean {
  return error instanceof LocalApiError;
}

const PEER = {
  Node: { Name: 'n.ts.net.', StableID: 'nSTABLE', User: 1, Tags: null },
  UserProfile: { ID: 1, LoginName: 'ann@x' },
};
const STATUS = { BackendState: 'Running', TailscaleIPs: ['100.64.0.1'] };

async function checkAnswers(input: Buffer): Promise<void> {
  await answering(input, 'socket', async path => {
    const api = openLocalApi({ socketPath: path });
    const peer = await api.whoIs({ address: '100.64.0.9', port: 1 }).catch(rethrow);
    if (peer !== undefined) {
      const said = input.toString('utf8');
      must(/^HTTP\/1\.1 200/.test(said), 'somebody is known by an answer that is no yes');
      must(
        said.includes('\\') || said.includes(JSON.stringify(peer.node.stableId)),
        'somebody who was not named',
      );
    }
    const status = await api.status().catch(rethrow);
    must(status === undefined || typeof status.backendState === 'string', 'no state');
  });
}

function rethrow(error: unknown): undefined {
  if (!isLocalApi(error)) throw error;
  return undefined;
}

async function checkBus(input: Buffer): Promise<void> {
  await answering(input, 'socket', async path => {
    let ends = 0;
    await new Promise<void>((resolve, reject) => {
      const listener = {
        heard: ({ state = '', health = [] }: { state?: string; health?: readonly string[] }): void => {
          if (ends > 0 || health.length > 20 || state.length > 40) reject(new Error('too much, or too late'));
        },
        missed: () => {},
        ended: (error: unknown): void => {
          ends++;
          if (isLocalApi(error)) resolve();
          else reject(error);
        },
      };
      listenToBus(path, listener, { maxMessageBytes: 200 });
    });
    must(ends === 1, `${ends} ends`);
  });
}

function checkLines(input: Buffer): void {
  const read = (chunks: readonly Buffer[]) => {
    const cutter = new LineCutter(40);
    return chunks.flatMap(chunk => cutter.push(chunk)).map(line => line ?? null);
  };
  mustEqual(read(pieces(input)), read([input]), 'cut in pieces');
  must(
    read([input]).every(line => line === null || Buffer.byteLength(line) <= 40 * 3),
    'a line above the bound',
  );
}

function answer(body: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const head = fc.constantFrom(
    '200 OK',
    '200 OK',
    '404 Not Found',
    '403 Forbidden',
    '500 Error',
    '100 Continue',
    '204 No',
  );
  const length = fc.constantFrom(0, 0, 0, -1, 1, 1_000_000);
  return texts(
    fc.tuple(head, body, length).map(([status, text, more]) => {
      const bytes = Buffer.byteLength(text) + more;
      return `HTTP/1.1 ${status}\r\nContent-Length: ${bytes}\r\n\r\n${text}`;
    }),
  );
}

const HTTP = [
  'HTTP/1.1 200 OK\r\n',
  'Content-Length: ',
  'Transfer-Encoding: chunked\r\n',
  '\r\n\r\n',
  '0\r\n\r\n',
  'Retry-After: 9\r\n',
];
const FIELDS = [
  'Node',
  'Name',
  'StableID',
  'User',
  'Tags',
  'UserProfile',
  'LoginName',
  'CapMap',
  'BackendState',
  '__proto__',
];
const BUS = ['State', 'Health', 'Warnings', 'Text', 'Title', '__proto__'];
const PEM = [
  '-----BEGIN PRIVATE KEY-----\n',
  '-----END PRIVATE KEY-----\n',
  '-----BEGIN CERTIFICATE-----\n',
  '-----END CERTIFICATE-----\n',
  'AAAA\n',
];

export const TAILSCALED_SUBJECTS: readonly Subject[] = [
  {
    name: 'local-api',
    slow: true,
    files: [
      'src/tailscale/local-api.ts',
      'src/tailscale/local-api-request.ts',
      'src/tailscale/local-api-error.ts',
    ],
    words: [...HTTP, ...FIELDS.map(name => `"${name}":`)],
    grammar: answer(
      fc.oneof(
        fc.constantFrom(JSON.stringify(PEER), JSON.stringify(STATUS)),
        json(FIELDS, [PEER, PEER.Node, PEER.UserProfile, 'Running', null, {}, 'x']).map(value =>
          JSON.stringify(value),
        ),
      ),
    ),
    check: checkAnswers,
  },
  {
    name: 'ipn-bus',
    slow: true,
    files: ['src/tailscale/ipn-bus.ts', 'src/tailscale/line-cutter.ts'],
    words: [...HTTP, '"State":6', '"Health":', '\n', 'null'],
    grammar: answer(
      fc
        .array(json(BUS, [6, 0, 99, -1, null, {}, { a: { Text: 't' } }]).map(value => JSON.stringify(value)))
        .map(lines => lines.map(line => `${line}\n`).join('')),
    ),
    check: checkBus,
  },
  {
    name: 'line-cutter',
    files: ['src/tailscale/line-cutter.ts'],
    words: ['\n', '\n\n', 'x'.repeat(40), '\xe6\xbc'],
    grammar: texts(fc.array(fc.string({ maxLength: 60 })).map(lines => lines.join('\n'))),
    check: checkLines,
  },
  {
    name: 'certificate-pair',
    files: ['src/tailscale/certificate-pair.ts'],
    words: PEM,
    grammar: texts(fc.array(fc.constantFrom(...PEM), { maxLength: 8 }).map(lines => lines.join(''))),
    check: input => {
      const pair = declared(() => parseCertificatePair(input.toString('utf8')), isLocalApi);
      must(pair === undefined, 'a pair out of nothing');
    },
  },
];
