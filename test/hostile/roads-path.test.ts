import { expect } from 'vitest';
import { startRig } from './rig.ts';
import { fateOf } from './roads.ts';
import { row } from './session.ts';
import { EXEC, upgradeRequest } from './speech.ts';

const QUERY = '?container=c&stdout=true&stderr=true&command=id';
/** As it goes upstream, whatever spelling it came in. */
const CANONICAL = `${EXEC}?command=id&container=c&stderr=true&stdout=true`;

const RECORDED: readonly (readonly [row: string, path: string])[] = [
  ['R01', `${EXEC}/`],
  ['R01', `${EXEC}///`],
  ['R02', '/api/v1/namespaces/d/pods/p/%65xec'],
  ['R02', '/%61pi/v1/namespaces/d/pods/p/exec'],
  ['R02 B017', '/api/v1/namespaces/d/%70ods/p/e%78ec/'],
];

const REFUSED: readonly (readonly [row: string, path: string])[] = [
  ['R03', '/api/v1/namespaces/d/pods/p%2Fexec'],
  ['R03', '/api/v1/namespaces/d/pods%2Fp%2fexec'],
  ['R03', `${EXEC}%2F`],
  ['R03', '/api%2Fv1%2Fnamespaces%2Fd%2Fpods%2Fp%2Fexec'],
  ['R04 B017', `https://proxy.test${EXEC}`],
  ['R04', `//evil.test${EXEC}`],
  ['R05 B017', '/api/v1/namespaces/d/pods/x/../p/exec'],
  ['R05', '/api/v1/namespaces/d/pods/x/%2e%2e/p/exec'],
  ['R05', '/api/v1/./namespaces/d/pods/p/exec'],
  ['R05 B017', '/api/v1/namespaces/d/pods/p//exec'],
  ['R05', '/api\\v1/namespaces/d/pods/p/exec'],
  ['R05', `${EXEC}#x`],
  ['R05', `${EXEC}%00`],
  ['R23', '/apis//v1/namespaces/d/pods/p/exec'],
  ['R23', '/api/v1/proxy/namespaces/d/pods/p/exec'],
  ['R23', '/api/v1/watch/namespaces/d/pods/p/exec'],
];

/** Not exec to any API server, and nothing else that may be upgraded. */
const NOWHERE: readonly (readonly [row: string, path: string])[] = [
  ['B017', '/api/v1/namespaces/d/pods/p/EXEC'],
  ['R02', '/api/v1/namespaces/d/pods/p/%2565xec'],
  ['R05', `${EXEC};x=1`],
];

for (const [id, path] of RECORDED) {
  row(`${id} recorded like any exec, in one spelling: ${path}`, async ({ policy, transport }) => {
    const rig = await startRig();
    const fate = await fateOf(rig, upgradeRequest(transport, { target: path + QUERY, token: policy }));
    expect(fate).toMatchObject({ kind: 'upstream', upgrade: true, recorded: true, target: CANONICAL });
  });
}

for (const [id, path] of REFUSED) {
  row(`${id} refused here: ${path}`, async ({ policy, transport }) => {
    const rig = await startRig();
    const target = path.includes('#') ? path : path + QUERY;
    const fate = await fateOf(rig, upgradeRequest(transport, { target, token: policy }));
    expect(fate).toEqual({ kind: 'refused', code: 400 });
    expect(rig.upstream.peers).toHaveLength(0);
  });
}

for (const [id, path] of NOWHERE) {
  row(`${id} no session and no tunnel: ${path}`, async ({ policy, transport }) => {
    const rig = await startRig();
    const fate = await fateOf(rig, upgradeRequest(transport, { target: path + QUERY, token: policy }));
    expect(fate).toMatchObject({ kind: 'refused' });
    expect(rig.upstream.peers).toHaveLength(0);
  });
}
