import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { staticTokens } from '../../src/identity/static-tokens.ts';
import { startRig } from './rig.ts';
import { openSession, refusal, row } from './session.ts';
import { upgradeRequest } from './speech.ts';

// Where another process keeps the audit, nothing goes on before that process has the record of it.

row('the decision is kept before a recorder or the API server hears of the session', async setting => {
  let before: unknown;
  const rig = await startRig({
    audited: async () => {
      for (let at = 0; at < 10; at++) await turn();
      before = [rig.audit.map(({ type }) => type), rig.recorder.uploads.length, rig.upstream.peers.length];
      return true;
    },
  });
  await openSession(rig, setting);
  expect(before).toEqual([['session.started', 'session.decided'], 0, 0]);
  expect(rig.uploadsBefore).toEqual([1]);
});

row('without word that it is kept the session is refused', async setting => {
  const rig = await startRig({ audited: async () => false });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  const { code, status } = await refusal(client);
  expect({ code, status }).toMatchObject({ code: 503, status: { reason: 'ServiceUnavailable' } });
  expect(await rig.ended()).toMatchObject({ outcome: 'refused', cause: { code: 'KW_AUDIT_UNAVAILABLE' } });
  expect(rig.recorder.uploads).toHaveLength(0);
  expect(rig.upstream.peers).toHaveLength(0);
});

const NODE_PROXY = '/api/v1/nodes/n/proxy/pods';

test.each([true, false])(
  'a request past the recorder goes on only when its record is kept: %s',
  async kept => {
    const rig = await startRig({
      audited: async () => kept,
      authenticate: staticTokens(
        [{ user: 'ann', groups: [], secret: { token: 't' } }],
        [
          {
            subjects: [{ user: 'ann' }],
            rule: {
              origin: 'grants[0]',
              impersonateGroups: [],
              recorderAddrs: ['127.0.0.1:1'],
              enforceRecorder: true,
              unrecordable: 'audit',
            },
          },
        ],
      ),
    });
    const client = await rig.client();
    client.send(`GET ${NODE_PROXY} HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer t\r\n\r\n`);
    if (kept) {
      expect((await (await rig.upstream.next()).head())[0]).toBe(`GET ${NODE_PROXY} HTTP/1.1`);
    } else {
      expect(await refusal(client)).toMatchObject({ code: 503 });
      expect(rig.upstream.peers).toHaveLength(0);
    }
    expect(rig.audit[0]).toMatchObject({ type: 'request.unrecordable' });
  },
);
