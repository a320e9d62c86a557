import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { ERRORS } from '../../src/errors.ts';
import { firstThatKnows } from '../../src/identity/sources.ts';
import { tailscaleSource } from '../../src/identity/tailscale.ts';
import { openLocalApi } from '../../src/tailscale/local-api.ts';
import { deadAddress } from '../src/recording/fake-recorders.ts';
import type { FakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../src/tailscale/fake-local-api.ts';
import { CAPABILITY, OLD_CAPABILITY, userPeer } from '../src/tailscale/peers.ts';
import type { Addresses, Branch } from './reference-branch.ts';
import { BRANCHES } from './reference-branches.ts';
import type { Rig } from './rig.ts';
import { startRig } from './rig.ts';
import { refusal, valuesIn } from './session.ts';
import { switching } from './speech.ts';

let localApi: FakeLocalApi;
beforeAll(async () => {
  localApi = await fakeLocalApi();
});
afterAll(() => localApi.close());

const SILENT = { warn: () => {} };

/** The real proxy, whose callers come from the tailnet by the real source over a real socket. */
async function rigFor({ who, oldName, upstream, mode }: Branch) {
  const source = tailscaleSource({
    localApi: openLocalApi({ socketPath: localApi.socketPath }),
    grants: [],
    clock: systemClock,
    log: SILENT,
  });
  const rig = await startRig({
    ...(mode === undefined ? {} : { mode }),
    authenticate: firstThatKnows([source]),
  });
  const events = await startEvents(200);
  const at: Addresses = {
    recorder: rig.recorder.address,
    dead: await deadAddress(),
    events: events.address,
    noEvents: (await startEvents(404)).address,
  };
  localApi.peers.clear();
  localApi.answers.clear();
  // A stranger may name another peer.
  localApi.peers.set('100.64.0.7', userPeer());
  if (who === 'outage') localApi.answers.set('whois', 'reset');
  else if (who !== 'stranger') {
    localApi.peers.set('127.0.0.1', userPeer({ [oldName === true ? OLD_CAPABILITY : CAPABILITY]: who(at) }));
  }
  if (upstream === 'gone') await rig.upstream.stopListening();
  return { rig, told: events.posted };
}

test.each(BRANCHES.map(row => [`${row.part} ${row.branch}: ${row.when} (${row.reference})`, row] as const))(
  '%s',
  async (_name, row) => {
    const { rig, told } = await rigFor(row);
    const { ours, request } = row;
    const client = await rig.client();
    client.send(request);
    if (ours.kind === 'refused') {
      if (row.upstream === 'otherProtocol') {
        (await rig.upstream.next()).send(switching('spdy'));
      }
      const { code, status } = await refusal(client);
      expect(code).toBe(ours.status);
      expect(status).toMatchObject({ kind: 'Status', code: ours.status, reason: ERRORS[ours.code].reason });
      if (row.upstream === undefined) expect(rig.upstream.peers).toEqual([]);
      if (row.part !== 'upstream' || isUpgrade(row)) await rig.until(() => codesIn(rig).includes(ours.code));
      return;
    }
    const peer = await rig.upstream.next();
    const asked = await peer.head();
    const own = ours.kind === 'ownCredential';
    expect(valuesIn(asked, 'impersonate-user')).toEqual([own ? 'root' : 'ann@corp.com']);
    expect(valuesIn(asked, 'authorization')).toEqual([own ? 'Bearer own' : 'Bearer proxy-token']);
    const recorded = ours.kind === 'recorded' || ours.kind === 'passedThrough';
    expect(rig.uploadsBefore).toEqual([recorded ? 1 : 0]);
    expect(told).toHaveLength(ours.kind === 'told' ? 1 : 0);
    if (ours.kind === 'passedThrough') {
      peer.send('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-Theirs: 1\r\n\r\nno');
      const head = await client.head();
      expect(head[0]).toBe('HTTP/1.1 404 Not Found');
      expect(valuesIn(head, 'x-theirs')).toEqual(['1']);
      expect(await (await rig.recorder.first()).over()).toBe('cut');
      await rig.ended();
      expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
    } else if (ours.kind === 'cut') {
      peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      await client.head();
      peer.rst();
      await once(client.socket, 'close');
      expect(client.text).not.toMatch(/0\r\n\r\n$/);
    } else if (!isUpgrade(row)) {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      expect((await client.head())[0]).toBe('HTTP/1.1 200 OK');
    }
  },
);

test('every branch of the reference is there', () => {
  const branches = (part: Branch['part']) =>
    new Set(BRANCHES.filter(row => row.part === part).map(({ branch }) => branch));
  expect([...branches('request')]).toEqual(['1', '2', '3', '4', '5', '6']);
  // Its rows 2 and 7 only count.
  expect([...branches('session')]).toEqual(['1', '3', '4', '5', '6', '8', '9']);
});

/** What the audit and the list of sessions say of refusals. */
function codesIn({ audit, sessions }: Rig): string[] {
  return JSON.stringify([audit, sessions.list()]).match(/KW_[A-Z_]+/g) ?? [];
}

function isUpgrade({ request }: Branch): boolean {
  return /^upgrade:/im.test(request);
}

async function startEvents(status: number) {
  const posted: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === 'POST') posted.push(request.url ?? '');
    response.writeHead(request.url === '/v2/event' ? status : 404).end();
  });
  // It records nothing.
  server.on('checkContinue', (_request, response) => response.writeHead(500).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { address: `127.0.0.1:${address.port}`, posted };
}
