import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { type SessionItem, until } from '../support/try-cluster.ts';

const ECHO = 'while read line; do echo "got $line"; done';

interface Part {
  readonly session: string;
  readonly id: string;
  readonly continues?: { readonly recording: string; readonly offset: number };
  readonly bytes: Buffer;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function cluster(count: number) {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-recorders-'));
  const recorders: RecorderProcess[] = [];
  for (let at = 0; at < count; at++) {
    const recorder = await RecorderProcess.start(join(dir, `recorder-${at}`));
    recorders.push(recorder);
    cleanups.push(() => recorder.kill());
  }
  const proxy = await startProxyProcess(recorders.map(({ address }) => address));
  cleanups.push(() => proxy.stop());
  return { recorders, proxy };
}

async function sessions(proxy: ProxyProcess): Promise<SessionItem[]> {
  const body = (await (await fetch(`${proxy.admin}/api/v1/sessions`)).json()) as { items: SessionItem[] };
  return body.items;
}

async function allClosed(proxy: ProxyProcess): Promise<SessionItem[]> {
  let items: SessionItem[] = [];
  await until(async () => {
    items = await sessions(proxy);
    return items.every(({ state }) => state === 'closed');
  });
  return items;
}

/** All filed parts of a session, put in order by their links. */
function partsOf(recorders: readonly RecorderProcess[], session: string): Part[] {
  const parts: Part[] = recorders
    .flatMap(({ dir }) =>
      readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(name => join(dir, name)),
    )
    .filter(file => file.endsWith('.cast'))
    .map(file => readFileSync(file))
    .map(bytes => {
      const header = JSON.parse(bytes.subarray(0, bytes.indexOf('\n')).toString());
      const { sessionId, recordingId, continues } = header.kubewitness;
      return { session: sessionId, id: recordingId, continues, bytes };
    })
    .filter(part => part.session === session);
  const ordered = parts.filter(part => part.continues === undefined);
  for (let last = ordered.at(-1); last !== undefined; ) {
    // Of two that go on from the same part, the earlier one has left nothing.
    const next: Part | undefined = parts
      .filter(part => part.continues?.recording === last?.id)
      .sort((one, other) => one.id.localeCompare(other.id, undefined, { numeric: true }))
      .at(-1);
    if (next !== undefined) ordered.push(next);
    last = next;
  }
  return ordered;
}

/** The output of the parts joined: each cut where the next one goes on. */
function joined(parts: readonly Part[]): string {
  return parts
    .flatMap((part, at) =>
      part.bytes
        .subarray(0, parts[at + 1]?.continues?.offset)
        .toString()
        .trimEnd()
        .split('\n')
        .slice(1),
    )
    .map(line => JSON.parse(line) as [number, string, string])
    .filter(([, code]) => code === 'o')
    .map(([, , text]) => text)
    .join('');
}

describe('a recorder is lost in mid-session', () => {
  test('closed: another takes over, nothing is lost, nothing said twice', async () => {
    const { recorders, proxy } = await cluster(2);
    const client = await ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', ECHO]);
    client.type('one\n');
    await client.seen('got one');
    await recorders[0]?.kill();
    client.type('two\n');
    await client.seen('got two');
    await client.finish();
    expect(client.status).toContain('"Success"');
    expect(client.stdout).toBe('got one\ngot two\n');
    const [session] = await allClosed(proxy);
    expect(session).toMatchObject({ outcome: 'recorded', recorder: recorders[1]?.address });
    expect(session?.transitions.map(({ event }) => event)).toContain('recorder.lost');
    await recorders[0]?.restart();
    const parts = partsOf(recorders, session?.id ?? '');
    expect(parts.length).toBe(2);
    expect(joined(parts)).toBe('got one\ngot two\n');
    const audit = readFileSync(proxy.auditFile, 'utf8');
    expect(audit.match(/"type":"recording.failed"/g)).toHaveLength(1);
    expect(audit).toContain('"action":"handedOver"');
  });

  test('both recorders are restarted under 50 closed sessions, and none of them ends', async () => {
    const { recorders, proxy } = await cluster(2);
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', ECHO])),
    );
    const say = async (word: string): Promise<void> => {
      for (const [at, client] of clients.entries()) client.type(`${word} ${at}\n`);
      await Promise.all(clients.map((client, at) => client.seen(`got ${word} ${at}\n`)));
    };
    await say('before');
    for (const [at, recorder] of recorders.entries()) {
      await recorder.kill();
      await say(`down-${at}`);
      await recorder.restart();
      await say(`up-${at}`);
    }
    await Promise.all(clients.map(client => client.finish()));
    const items = await allClosed(proxy);
    expect(items.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 50 }, () => 'recorded'));
    // Whatever was torn by the last kill is filed when the recorder comes up, which it has.
    const outputs = new Set(items.map(({ id }) => joined(partsOf(recorders, id))));
    expect(outputs).toEqual(new Set(clients.map(({ stdout }) => stdout)));
  });

  test('open: the session goes on, and the recording too once the recorder is back', async () => {
    const { recorders, proxy } = await cluster(1);
    const client = await ExecClient.open(proxy, TOKENS.open, ['sh', '-c', ECHO]);
    client.type('one\n');
    await client.seen('got one');
    await recorders[0]?.kill();
    client.type('two\n');
    await client.seen('got two');
    await recorders[0]?.restart();
    await until(async () =>
      (await sessions(proxy)).some(({ transitions }) =>
        transitions.some(({ event }) => event === 'recorder.returned'),
      ),
    );
    client.type('three\n');
    await client.seen('got three');
    await client.finish();
    expect(client.stdout).toBe('got one\ngot two\ngot three\n');
    const [session] = await allClosed(proxy);
    expect(session?.outcome).toBe('unrecorded');
    const parts = partsOf(recorders, session?.id ?? '');
    expect(joined(parts)).toMatch(/^(got one\n)?got three\n$/);
    expect(parts.at(-1)?.bytes.toString()).toContain('are not recorded');
    const resumed = readFileSync(proxy.auditFile, 'utf8')
      .split('\n')
      .filter(line => line.includes('"type":"recording.resumed"'))
      .map(line => JSON.parse(line));
    expect(resumed).toMatchObject([{ recorder: recorders[0]?.address, gap: { bytes: expect.any(Number) } }]);
    expect(resumed[0]?.gap.bytes).toBeGreaterThanOrEqual('got two\n'.length);
  });
});
