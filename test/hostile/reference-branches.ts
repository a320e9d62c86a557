import type { ErrorCode } from '../../src/errors.ts';
import type { Addresses, Branch, Ours } from './reference-branch.ts';
import type { Transport } from './speech.ts';
import { upgradeRequest } from './speech.ts';

const refused = (status: number, code: ErrorCode): Ours => ({ kind: 'refused', status, code });
const forwarded: Ours = { kind: 'forwarded' };
const recorded: Ours = { kind: 'recorded' };

const ENFORCED = { enforceRecorder: true };
const EVENTS = { enableEvents: true };
const nothing = () => [{}];
const unreadable = () => [ENFORCED, { recorderAddrs: ['recorder'] }];
const enforcedWithout = () => [ENFORCED];
const open = ({ recorder }: Addresses) => [{ recorderAddrs: [recorder] }];
const closed = ({ recorder }: Addresses) => [{ recorderAddrs: [recorder] }, ENFORCED];

const GET = requestLines('GET /api/v1/namespaces/d/pods HTTP/1.1');
const WEBSOCKET = upgradeRequest('websocket');
const upgradeTo = (value: string): string[] => [
  'Connection: Upgrade',
  `Upgrade: ${value}`,
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==',
];
const OTHER_CASE = upgradeRequest('websocket', { upgrade: upgradeTo('WebSocket') });
const OTHER = upgradeRequest('websocket', { upgrade: upgradeTo('h2c') });
const NO_UPGRADE = upgradeRequest('websocket', { upgrade: [], protocols: [] });

function requestLines(...lines: readonly string[]): string {
  return [...lines, 'Host: proxy.test', '\r\n'].join('\r\n');
}

type Who = Branch['who'];

function request(branch: string, when: string, who: Who, reference: string, ours: Ours): Branch {
  return { part: 'request', branch, when, reference, ours, who, request: GET };
}

function session(
  branch: string,
  when: string,
  who: Who,
  reference: string,
  ours: Ours,
  how: string = WEBSOCKET,
): Branch {
  return { part: 'session', branch, when, reference, ours, who, request: how };
}

function upstream(
  when: string,
  does: Branch['upstream'] | undefined,
  reference: string,
  ours: Ours,
  how: string = WEBSOCKET,
): Branch {
  const row = { part: 'upstream' as const, branch: '–', when, reference, ours, who: open, request: how };
  return does === undefined ? row : { ...row, upstream: does };
}

const LOST_EVENT = 'an event is asked for, and every recorder';

/** Each branch of the reference's two handlers, in their order, and what else decides who calls. */
export const BRANCHES: readonly Branch[] = [
  request('1', 'nobody is at that address', 'stranger', '500, text', refused(403, 'KW_FORBIDDEN')),
  request('1', 'tailscaled fails', 'outage', '500, text', refused(503, 'KW_IDENTITY_UNAVAILABLE')),
  request(
    '2',
    'the rules cannot be read',
    unreadable,
    '200, empty body',
    refused(403, 'KW_RULES_UNREADABLE'),
  ),
  request('3', 'nothing is asked for', nothing, 'forwarded', forwarded),
  request('4', 'enforced, no recorder', enforcedWithout, '403, text, for **every** request', forwarded),
  request(
    '5',
    `${LOST_EVENT} fails`,
    ({ dead }) => [{ recorderAddrs: [dead], ...EVENTS }],
    'forwarded, the cause is logged',
    forwarded,
  ),
  request(
    '5',
    `${LOST_EVENT} fails, enforced`,
    ({ dead }) => [{ recorderAddrs: [dead], ...EVENTS, ...ENFORCED }],
    '502, text with the cause',
    refused(403, 'KW_RECORDER_UNAVAILABLE'),
  ),
  request(
    '5',
    `${LOST_EVENT} is too old for it`,
    ({ noEvents }) => [{ recorderAddrs: [noEvents], ...EVENTS }],
    'forwarded',
    forwarded,
  ),
  request(
    '5',
    `${LOST_EVENT} is too old for it, enforced`,
    ({ noEvents }) => [{ recorderAddrs: [noEvents], ...EVENTS, ...ENFORCED }],
    'forwarded, although nothing was told',
    refused(403, 'KW_RECORDER_UNAVAILABLE'),
  ),
  request(
    '5',
    `${LOST_EVENT} fails or is too old for it`,
    ({ dead, noEvents }) => [{ recorderAddrs: [noEvents, dead], ...EVENTS }],
    '502, although not enforced',
    forwarded,
  ),
  request(
    '6',
    'an event is asked for, and a recorder takes it',
    ({ dead, events }) => [{ recorderAddrs: [dead, events], ...EVENTS, ...ENFORCED }],
    'forwarded',
    { kind: 'told' },
  ),
  request('6', 'recorders, and no events', closed, 'forwarded', forwarded),

  ...[
    ['port-forward, enforced', 'POST /api/v1/namespaces/d/pods/p/portforward?ports=80 HTTP/1.1'],
    ['exec by way of the kubelet, enforced', 'POST /api/v1/nodes/n/proxy/run/d/p/c?cmd=id HTTP/1.1'],
    [
      'a container added to a pod, enforced',
      'PATCH /api/v1/namespaces/d/pods/p/ephemeralcontainers HTTP/1.1',
    ],
  ].map(
    ([when = '', line = '']): Branch => ({
      ...request('6', when, closed, 'forwarded, **unrecorded**', refused(403, 'KW_FORBIDDEN')),
      request: requestLines(line, 'Content-Length: 0'),
    }),
  ),

  session('1', 'nobody is at that address', 'stranger', '500, text', refused(403, 'KW_FORBIDDEN')),
  session('1', 'tailscaled fails', 'outage', '500, text', refused(503, 'KW_IDENTITY_UNAVAILABLE')),
  session(
    '3',
    'the rules cannot be read',
    unreadable,
    '200, empty body',
    refused(403, 'KW_RULES_UNREADABLE'),
  ),
  session('4', 'nothing is asked for', nothing, 'forwarded, unrecorded', forwarded),
  session(
    '5',
    'enforced, no recorder',
    enforcedWithout,
    '403, text',
    refused(403, 'KW_RECORDER_UNAVAILABLE'),
  ),
  session(
    '6',
    `${LOST_EVENT} fails, enforced`,
    ({ dead }) => [{ recorderAddrs: [dead], ...EVENTS, ...ENFORCED }],
    '502, text with the cause',
    refused(403, 'KW_RECORDER_UNAVAILABLE'),
  ),
  session('8', '`Upgrade: WebSocket`', open, 'forwarded, **unrecorded**', recorded, OTHER_CASE),
  session('8', '`Upgrade: WebSocket`, enforced', closed, '403, text', recorded, OTHER_CASE),
  ...(['GET', 'POST'] as const).flatMap((method): Branch[] => {
    const transport: Transport = method === 'GET' ? 'spdy' : 'websocket';
    const how = upgradeRequest(transport, { method });
    const what = transport === 'spdy' ? 'SPDY by GET' : 'WebSocket by POST';
    const ours = transport === 'spdy' ? recorded : refused(400, 'KW_BAD_REQUEST');
    return [
      session('8', what, open, 'forwarded, **unrecorded**', ours, how),
      session('8', `${what}, enforced`, closed, '403, text', ours, how),
    ];
  }),
  session('8', 'another protocol', open, 'forwarded, **unrecorded**', refused(400, 'KW_BAD_REQUEST'), OTHER),
  session('8', 'another protocol, enforced', closed, '403, text', refused(400, 'KW_BAD_REQUEST'), OTHER),
  session('8', 'no upgrade at all', open, 'forwarded', refused(400, 'KW_UPGRADE_REQUIRED'), NO_UPGRADE),
  session('8', 'no upgrade, enforced', closed, '403, text', refused(400, 'KW_UPGRADE_REQUIRED'), NO_UPGRADE),
  session('9', 'recorders', open, 'the API server is asked, then a recorder is looked for', recorded),
  session(
    '9',
    'recorders, enforced in another rule',
    closed,
    'the command **has started** when a recorder is looked for',
    recorded,
  ),
  session(
    '9',
    'recorders, enforced, and none is there',
    ({ dead }) => [{ recorderAddrs: [dead] }, ENFORCED],
    '`HTTP/0.0` and a text, after the command has started',
    refused(403, 'KW_RECORDER_UNAVAILABLE'),
  ),

  upstream(
    'a session, and it cannot be reached',
    'gone',
    '502, empty body',
    refused(502, 'KW_UPSTREAM_UNREACHABLE'),
  ),
  upstream(
    'a request, and it cannot be reached',
    'gone',
    '502, empty body',
    refused(502, 'KW_UPSTREAM_UNREACHABLE'),
    GET,
  ),
  upstream('it refuses the session', undefined, 'passed through, no recorder is asked', {
    kind: 'passedThrough',
  }),
  upstream('its 101 is for another protocol', 'otherProtocol', '502', refused(502, 'KW_UPSTREAM_PROTOCOL')),
  upstream(
    "the client's `Upgrade` is not printable ASCII",
    undefined,
    '502',
    refused(400, 'KW_BAD_REQUEST'),
    upgradeRequest('websocket', { upgrade: upgradeTo('web\x80socket') }),
  ),
  upstream('it breaks off after its headers', undefined, 'the connection is aborted', { kind: 'cut' }, GET),

  {
    part: 'caller',
    branch: '–',
    when: 'nobody is at that address, and `X-Forwarded-For` names a peer',
    reference: 'behind `tailscale serve`: taken for that peer',
    ours: refused(403, 'KW_FORBIDDEN'),
    who: 'stranger',
    request: requestLines('GET /api HTTP/1.1', 'X-Forwarded-For: 100.64.0.7'),
  },
  {
    part: 'caller',
    branch: '–',
    when: 'the old name of the capability cannot be read',
    reference: "forwarded with the **proxy's own** identity",
    ours: refused(403, 'KW_RULES_UNREADABLE'),
    who: () => [{ impersonate: { groups: 'dev' } }],
    oldName: true,
    request: GET,
  },
  {
    part: 'caller',
    branch: '–',
    when: 'the client asks to act as somebody else',
    reference: 'its `Impersonate-*` are dropped, forwarded as itself',
    ours: refused(403, 'KW_FORBIDDEN'),
    who: nothing,
    request: requestLines('GET /api HTTP/1.1', 'Impersonate-User: root'),
  },
  {
    part: 'caller',
    branch: '–',
    when: '`Connection` names a header of ours',
    reference: 'forwarded as the caller',
    ours: forwarded,
    who: nothing,
    request: requestLines('GET /api HTTP/1.1', 'Connection: Impersonate-User, Authorization'),
  },
  ...[
    requestLines('GET /api HTTP/1.1', 'Authorization: Bearer own', 'Impersonate-User: root'),
    upgradeRequest('websocket', { token: 'own', more: ['Impersonate-User: root'] }),
  ].map(
    (how, at): Branch => ({
      part: 'caller',
      branch: '–',
      when: `noauth, ${at === 0 ? 'a request' : 'a session'} with a token and \`Impersonate-*\``,
      reference: 'forwarded with them',
      ours: { kind: 'ownCredential' },
      who: nothing,
      request: how,
      mode: 'noauth',
    }),
  ),
  {
    part: 'caller',
    branch: '–',
    when: 'noauth, and nobody is at that address',
    reference: '500, text',
    ours: refused(403, 'KW_FORBIDDEN'),
    who: 'stranger',
    request: requestLines('GET /api HTTP/1.1', 'Authorization: Bearer own'),
    mode: 'noauth',
  },
];
