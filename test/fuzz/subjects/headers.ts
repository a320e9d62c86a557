import fc from 'fast-check';
import { WitnessError } from '../../../src/errors.ts';
import { mayImpersonate, readAskedImpersonation } from '../../../src/identity/asked-impersonation.ts';
import { bearerToken } from '../../../src/identity/bearer.ts';
import { expiryOf } from '../../../src/identity/jwt-expiry.ts';
import { checkUpgradeAnswer, readAnyUpgrade, readUpgrade } from '../../../src/kube/upgrade.ts';
import { checkHeaders } from '../../../src/policy/check-headers.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import { partOf } from '../../../src/recorder/byte-range.ts';
import type { Subject } from '../subject.ts';
import { declared, must, texts } from '../subject.ts';

function isWitness(error: unknown): boolean {
  return error instanceof WitnessError && error.code !== 'KW_INTERNAL';
}

/** Lines `Name: value`, as Node has them after its own reading: no line has a newline in it. */
function rawOf(input: Buffer): string[] {
  return input
    .toString('latin1')
    .split('\n')
    .flatMap(line => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [line.slice(0, at), line.slice(at + 1).trim()];
    });
}

const rule = (users: string[], groups: string[]): CapabilityRule => ({
  origin: 'fuzz',
  impersonateGroups: [],
  recorderAddrs: [],
  enforceRecorder: false,
  impersonateAs: { users, groups },
});

function checkAsked(input: Buffer): void {
  const raw = rawOf(input);
  const asked = declared(() => readAskedImpersonation(raw), isWitness);
  const isThere = raw.some(
    (name, at) => at % 2 === 0 && /^impersonate-(?:user|group|uid|extra-)/i.test(name),
  );
  if (asked === undefined) return;
  must(isThere, 'nobody asked');
  must(asked.user !== '', 'an empty user');
  const allowed = (rules: readonly CapabilityRule[]): boolean =>
    declared(() => mayImpersonate(rules, asked), isWitness) !== undefined;
  must(!allowed([]), 'allowed without a rule');
  must(
    !allowed([{ ...rule([], []), impersonateAs: { users: [], groups: ['*'] } }]),
    'allowed without a user',
  );
  const isSystem = [asked.user, ...asked.groups].some(name => name.startsWith('system:'));
  const byStar = allowed([rule(['*'], ['*'])]);
  must(!byStar || !isSystem, 'a star allowed a name of the system');
  must(
    !byStar || (asked.uid === undefined && asked.extraKeys.length === 0),
    'a uid or an extra value was allowed',
  );
}

function checkUpgrade(input: Buffer): void {
  const raw = rawOf(input);
  declared(() => checkHeaders(raw), isWitness);
  const token = declared(() => bearerToken(raw), isWitness);
  must(token === undefined || token !== '', 'an empty token');
  const end = expiryOf(token ?? input.toString('latin1'));
  must(end === undefined || Number.isFinite(end), `a token that ends at ${end}`);
  for (const method of ['GET', 'POST', 'PUT']) {
    const any = declared(() => readAnyUpgrade(method, raw), isWitness);
    must(
      any === undefined || !any.offered.some(name => name.includes('bearer.authorization')),
      'a token goes on',
    );
    const upgrade = declared(() => readUpgrade(method, raw), isWitness);
    if (upgrade === undefined) continue;
    must(any?.transport === upgrade.transport && upgrade.offered.length > 0, 'nothing offered');
    // The same lines as an answer: only what was offered may be chosen.
    const chosen = declared(() => checkUpgradeAnswer(upgrade, raw, 'accept'), isWitness);
    const isImplied = chosen?.transport === 'spdy' && chosen.subprotocol === 'channel.k8s.io';
    must(
      chosen === undefined || isImplied || upgrade.offered.some(name => name === chosen.subprotocol),
      'not offered',
    );
  }
}

function checkRange(input: Buffer): void {
  const range = input.toString('latin1');
  for (const bytes of [0, 1, 10, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
    const part = partOf(range, bytes);
    if (part === undefined || part === 'none') continue;
    const { first, length } = part;
    const isInside = Number.isSafeInteger(first) && Number.isSafeInteger(length) && first >= 0 && length > 0;
    must(isInside && first + length <= bytes, `${range} of ${bytes}: ${JSON.stringify(part)}`);
  }
}

const ASKED = [
  'Impersonate-User: ',
  'impersonate-group: ',
  'Impersonate-Uid: ',
  'Impersonate-Extra-',
  'a%2Fb: ',
];
const NAMES = [
  'ann',
  'system:masters',
  'system:serviceaccount:d:p',
  '*',
  '\xe6\xbc\xa2',
  '\xff',
  '%zz: ',
  ' ',
  '\n',
  ',',
];
const UPGRADE = [
  ...[
    'Connection: Upgrade\n',
    'connection: keep-alive, upgrade\n',
    'Upgrade: websocket\n',
    'Upgrade: SPDY/3.1\n',
  ],
  ...['Sec-WebSocket-Version: 13\n', 'Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\n', 'Content-Length: 0\n'],
  ...[
    'Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\n',
    'X-Stream-Protocol-Version: v4.channel.k8s.io\n',
  ],
  ...[
    'Sec-WebSocket-Accept: accept\n',
    'Authorization: Bearer a.eyJleHAiOjF9.c\n',
    'Transfer-Encoding: chunked\n',
  ],
  ...[
    'base64url.bearer.authorization.k8s.io.bXl0b2tlbg',
    'Expect: 100-continue\n',
    'Upgrade: h2c\n',
    ', ',
    '\n',
  ],
];

export const HEADER_SUBJECTS: readonly Subject[] = [
  {
    name: 'asked-impersonation',
    files: ['src/identity/asked-impersonation.ts', 'src/identity/header-text.ts', 'src/policy/match-name.ts'],
    words: [...ASKED, ...NAMES],
    grammar: texts(
      fc
        .array(fc.tuple(fc.constantFrom(...ASKED), fc.constantFrom(...NAMES)), { maxLength: 6 })
        .map(lines => lines.map(([name, value]) => `${name}${value}\n`).join('')),
      'latin1',
    ),
    check: checkAsked,
  },
  {
    name: 'upgrade-headers',
    files: [
      'src/kube/upgrade.ts',
      'src/policy/check-headers.ts',
      'src/identity/bearer.ts',
      'src/identity/jwt-expiry.ts',
    ],
    words: UPGRADE,
    grammar: texts(
      fc.array(fc.constantFrom(...UPGRADE), { maxLength: 10 }).map(lines => lines.join('')),
      'latin1',
    ),
    check: checkUpgrade,
  },
  {
    name: 'range',
    files: ['src/recorder/byte-range.ts'],
    words: ['bytes=', '-', ',', '0', '999999999999999', ' '],
    grammar: texts(
      fc
        .tuple(
          fc.constantFrom('bytes=', 'bytes =', 'items='),
          fc.option(fc.maxSafeNat()),
          fc.option(fc.maxSafeNat()),
        )
        .map(([unit, from, to]) => `${unit}${from ?? ''}-${to ?? ''}`),
    ),
    check: checkRange,
  },
];
