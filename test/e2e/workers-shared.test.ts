import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { startProxyRelay } from '../support/proxy-relay.ts';
import { until } from '../support/try-cluster.ts';
import { auditOf, getPods, metric, replaced, whoHas, workersOf } from '../support/workers.ts';

const SETTINGS = {
  workers: 2,
  log: { level: 'info' },
  sessions: { drainMs: 500 },
  admin: { address: '127.0.0.1', port: 0, local: ['viewer', 'auditor', 'operator'] },
};

let recorder: RecorderProcess;
beforeAll(async () => {
  recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-shared-')));
});
afterAll(() => recorder.kill());

async function start(changes: object = {}): Promise<ProxyProcess> {
  const proxy = await startProxyProcess([recorder.address], { ...SETTINGS, ...changes });
  onTestFinished(() => proxy.stop());
  return proxy;
}

function open(proxy: ProxyProcess, token: string = TOKENS.open): Promise<ExecClient> {
  return ExecClient.open(proxy, token, ['cat']);
}

test('the page has the sessions of every worker: it lists, shows and stops them, and the numbers add up', async () => {
  const proxy = await start();
  const sessions = [await open(proxy), await open(proxy)];
  const listed = async () => {
    const answer = await fetch(`${proxy.admin}/api/v1/sessions`);
    return ((await answer.json()) as { items: { id: string; state: string }[] }).items;
  };
  await until(async () => (await listed()).filter(({ state }) => state === 'joined.streaming').length === 2);
  expect(await metric(proxy, 'kubewitness_sessions{state="joined.streaming"}')).toBe(2);
  expect(new Set(whoHas(proxy.output()).values())).toEqual(new Set([1, 2]));

  for (const session of sessions) session.type('what is seen\n');
  for (const { id } of await listed()) {
    let seen = '';
    const watch = new WebSocket(`${proxy.admin.replace('http', 'ws')}/api/v1/sessions/${id}/watch`, {
      origin: proxy.admin,
    });
    watch.on('message', line => {
      seen += String(line);
    });
    const closed = new Promise(resolve => {
      watch.on('close', resolve);
    });
    await until(() => seen.includes('what is seen'));
    const stopped = await fetch(`${proxy.admin}/api/v1/sessions/${id}/stop`, {
      method: 'POST',
      headers: { 'x-requested-by': 'kubewitness', 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'enough' }),
    });
    expect(stopped.status).toBe(202);
    expect(await closed).toBe(1000);
  }
  await until(() => sessions.every(({ status }) => status !== ''));
  for (const { status } of sessions) expect(status).toContain('enough');
  await until(() => auditOf(proxy, 'session.ended').length === 2);
  expect(auditOf(proxy, 'session.stopped')).toHaveLength(2);
  expect(auditOf(proxy, 'recording.viewed')).toHaveLength(2);
  expect(await metric(proxy, 'kubewitness_sessions_ended_total{outcome="stopped"}')).toBe(2);
  expect(await metric(proxy, 'kubewitness_sessions{state="joined.streaming"}')).toBe(0);
});

test('limits hold for all workers together, also after one has died', async () => {
  const proxy = await start({ limits: { sessions: 4, sessionsPerCaller: 3, requests: 2 } });
  const refused = 'Unexpected server response: 429';
  const anns = [await open(proxy), await open(proxy), await open(proxy)];
  await expect(open(proxy)).rejects.toThrow(refused);
  await expect(open(proxy)).rejects.toThrow(refused);
  await open(proxy, TOKENS.closed);
  await expect(open(proxy, TOKENS.closed)).rejects.toThrow(refused);
  anns[0]?.close();
  await until(() => auditOf(proxy, 'session.ended').length === 1);
  await open(proxy);
  await expect(open(proxy)).rejects.toThrow(refused);

  // What a dead worker held is free again.
  const [first = 0] = await workersOf(proxy);
  const before = auditOf(proxy, 'session.ended').length;
  await replaced(proxy, first);
  const freed = auditOf(proxy, 'session.ended').length - before;
  expect(freed).toBeGreaterThan(0);
  const more = auditOf(proxy, 'session.ended').filter(
    ({ user }) => (user as { name: string }).name === 'ann',
  ).length;
  if (more > 1) await open(proxy);

  const answers = await Promise.all(Array.from({ length: 40 }, () => getPods(proxy, TOKENS.open)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
  const served = answers.filter(({ status }) => status === 200).length;
  const listed = 'kubewitness_request_seconds_count{verb="list",code="200"}';
  await until(async () => (await metric(proxy, listed)) === served);
  for (let round = 0; round < 8; round++) {
    await until(async () => (await getPods(proxy, TOKENS.open)).status === 200);
  }
});

test('a fail-open budget is one for all workers', async () => {
  const dead = '127.0.0.1:1';
  const grants = [
    { subjects: [{ user: 'ann' }], recorderAddrs: [dead], failOpenBudget: { concurrent: 1 } },
    { subjects: [{ user: 'bob' }], recorderAddrs: [dead], failOpenBudget: { secondsPerDay: 1 } },
  ];
  const proxy = await start({ grants });
  const first = await open(proxy);
  await until(() => auditOf(proxy, 'recording.gap').length === 1);
  await expect(open(proxy)).rejects.toThrow('403');
  await until(() => auditOf(proxy, 'session.ended').length === 1);
  expect(auditOf(proxy, 'session.ended')).toMatchObject([
    { outcome: 'refused', budget: { rule: 'grants[0]', limit: 'concurrent', allowed: 1, used: 1 } },
  ]);
  expect(new Set(whoHas(proxy.output()).values())).toEqual(new Set([1, 2]));
  first.close();
  await until(() => auditOf(proxy, 'session.ended').length === 2);
  (await open(proxy)).close();
  await until(() => auditOf(proxy, 'session.ended').length === 3);

  // Two at once spend it together, and both are told when it is used up.
  const both = await Promise.all([open(proxy, TOKENS.closed), open(proxy, TOKENS.closed)]);
  await until(() => both.every(({ status }) => status !== ''));
  await until(() => auditOf(proxy, 'session.ended').length === 5);
  expect(auditOf(proxy, 'session.ended').slice(3)).toMatchObject(
    Array.from({ length: 2 }, () => ({
      outcome: 'terminated',
      budget: { rule: 'grants[1]', limit: 'secondsPerDay', allowed: 1, used: 1 },
    })),
  );
  await expect(open(proxy, TOKENS.closed)).rejects.toThrow('403');
  await expect(open(proxy, TOKENS.closed)).rejects.toThrow('403');
  expect(await metric(proxy, 'kubewitness_fail_open_seconds{rule="grants[1]"}')).toBeGreaterThanOrEqual(1);
});

test('a reload and a new certificate take effect in every worker, and in the next one', async () => {
  const proxy = await start();
  const ask = async () => {
    const answers = [];
    for (let round = 0; round < 4; round++) answers.push(await getPods(proxy, 'token-of-cid'));
    return answers;
  };
  const before = await ask();
  expect(before.map(({ status }) => status)).toEqual([401, 401, 401, 401]);

  const pair = await createCertificates(['localhost'], ['127.0.0.1']);
  writeFileSync(join(proxy.dir, 'tls.crt'), pair.certPem);
  writeFileSync(join(proxy.dir, 'tls.key'), pair.keyPem);
  const cid = { user: 'cid', token: 'token-of-cid' };
  writeFileSync(
    join(proxy.dir, 'proxy.yaml'),
    JSON.stringify({ ...proxy.configuration, identity: { static: [cid] } }),
  );
  process.kill(proxy.pid, 'SIGHUP');
  await until(() => auditOf(proxy, 'config.changed').length === 1);
  const changed = { ...proxy, caPem: pair.caPem };
  await until(async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => getPods(changed, cid.token).catch(() => undefined)),
    );
    return answers.every(answer => answer?.status === 200 && answer.serial !== before[0]?.serial);
  });
  for (const worker of await workersOf(proxy)) await replaced(proxy, worker);
  for (let round = 0; round < 4; round++) expect((await getPods(changed, cid.token)).status).toBe(200);
  for (let round = 0; round < 2; round++) {
    expect((await getPods(changed, TOKENS.open)).status).toBe(401);
  }
  expect(auditOf(proxy, 'config.changed')).toMatchObject([{ outcome: 'applied', sections: ['identity'] }]);
});

test('a relay says in each worker whom it relays', async () => {
  const tls = { cert: 'tls.crt', key: 'tls.key' };
  const proxyProtocol = { trusted: ['127.0.0.1'] };
  const proxy = await start({ listen: { address: '127.0.0.1', port: 0, tls, proxyProtocol } });
  const relay = await startProxyRelay(Number(new URL(proxy.url).port), { address: '100.64.1.2', port: 4711 });
  onTestFinished(() => relay.close());
  const through = { ...proxy, url: relay.url };
  for (const session of [await open(through), await open(through)]) session.close();
  await until(() => auditOf(proxy, 'session.ended').length === 2);
  expect(auditOf(proxy, 'session.started')).toMatchObject([
    { client: { ip: '100.64.1.2' } },
    { client: { ip: '100.64.1.2' } },
  ]);
  expect(new Set(whoHas(proxy.output()).values())).toEqual(new Set([1, 2]));
});
