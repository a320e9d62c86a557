import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Logger } from '../log.ts';
import { createCertificates } from '../sandbox/certificate.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { announce } from './announce.ts';
import { pageRecordings } from './page-recordings.ts';
import { writeReadyFile } from './ready-file.ts';
import { onStopSignal } from './signals.ts';
import { startProxy } from './start-proxy.ts';
import { TryRecorder } from './try-recorder.ts';

export interface TryCommand {
  readonly dataDir: string;
  readonly readyFile?: string;
  /** Port for inspectors of the machines. */
  readonly inspect?: number;
}

/** The two users of the sandbox: the same rights, one difference. */
const USERS = [
  { name: 'ann', group: 'open-team', context: 'open', enforceRecorder: false },
  { name: 'bob', group: 'closed-team', context: 'closed', enforceRecorder: true },
] as const;

/**
 * `kubewitness try`: a sandbox cluster, a recorder, the proxy and its admin page in one process tree, to see the whole
 * thing work without a cluster. The configuration it writes is one that `kubewitness proxy` reads.
 */
export async function runTry(command: TryCommand, log: Logger): Promise<void> {
  const dir = resolve(command.dataDir);
  const places = {
    cluster: join(dir, 'cluster'),
    recordings: join(dir, 'recordings'),
    config: join(dir, 'config'),
    audit: join(dir, 'audit.jsonl'),
    kubeconfig: join(dir, 'kubeconfig'),
  };
  for (const folder of [places.cluster, places.recordings, places.config])
    await mkdir(folder, { recursive: true });

  const sandbox = await startSandbox({ dir: places.cluster });
  let stopping = false;
  const recorder = await TryRecorder.start(places.recordings, places.config, how => {
    if (stopping) return;
    announce(
      `\nThe recorder has ended (${how}). Sessions under context "open" now go on unrecorded, those under "closed" are refused.\n` +
        `Start it again on the page, or with:\n  ${recorder.command}\n`,
    );
  });

  const certificates = await createCertificates(['localhost'], ['127.0.0.1']);
  const tokens = USERS.map(() => randomBytes(24).toString('base64url'));
  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(places.config, name), text, { mode: 0o600 });
  await write('tls.crt', certificates.certPem);
  await write('tls.key', certificates.keyPem);
  await write('upstream.kubeconfig', upstreamKubeconfig(sandbox));
  await write('proxy.yaml', stringify(proxyConfig(recorder.address, tokens)));
  const kubectl = `kubectl --kubeconfig ${shellWord(places.kubeconfig)}`;
  const proxy = await startProxy(join(places.config, 'proxy.yaml'), {
    log,
    recordings: await pageRecordings({ dir: places.recordings }),
    sandbox: {
      kubectl,
      get state() {
        return recorder.state;
      },
      act: action => recorder.act(action),
    },
    ...(command.inspect === undefined ? {} : { inspect: command.inspect }),
  });
  const proxyUrl = `https://127.0.0.1:${proxy.port}`;
  const adminUrl = proxy.adminUrl;
  await writeFile(places.kubeconfig, clientKubeconfig(proxyUrl, certificates.caPem, tokens), { mode: 0o600 });

  if (command.readyFile !== undefined) {
    await writeReadyFile(command.readyFile, {
      kubeconfig: places.kubeconfig,
      proxy: proxyUrl,
      admin: adminUrl,
      recorder: recorder.address,
      recorderPid: recorder.pid,
      recordings: places.recordings,
      audit: places.audit,
    });
  }
  announce(greeting(places, kubectl, adminUrl, recorder));
  await onStopSignal();
  stopping = true;
  await proxy.close();
  await recorder.close();
  await sandbox.close();
}

function greeting(
  places: { readonly recordings: string; readonly audit: string },
  kubectl: string,
  adminUrl: string,
  recorder: { readonly address: string; readonly pid: number },
): string {
  return `
kubewitness is ready: a sandbox cluster, a recorder and the proxy in front of both.

  Open the page:           ${adminUrl}/
  and in two terminals:    ${kubectl} --context open exec -it shell -- sh
                           ${kubectl} --context closed exec -it shell -- sh

  Both are recorded. Press "Stop it" on the page: the first goes on, unrecorded; the second ends, and says why.

  Contexts:    open (user ann: goes on without a recorder), closed (user bob: never without one)
  Sessions:    ${adminUrl}/api/v1/sessions
  Recordings:  ${places.recordings}
  Audit:       ${places.audit}
  Recorder:    ${recorder.address}, process ${recorder.pid}

The pods run real processes of this machine, as you. Ctrl-C ends everything.
`;
}

function proxyConfig(recorder: string, tokens: readonly string[]): object {
  return {
    cluster: 'sandbox',
    listen: { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'tls.key' } },
    admin: { address: '127.0.0.1', port: 0, local: ['viewer', 'auditor', 'operator'] },
    upstream: { kubeconfig: 'upstream.kubeconfig' },
    identity: {
      static: USERS.map(({ name, group }, at) => ({ user: name, groups: [group], token: tokens[at] })),
    },
    grants: USERS.map(({ name, enforceRecorder }) => ({
      subjects: [{ user: name }],
      recorderAddrs: [recorder],
      enforceRecorder,
    })),
    // No load balancer stands in front.
    shutdown: { delayMs: 0 },
    audit: { file: '../audit.jsonl' },
    notices: { kubernetesEvents: true },
    log: { level: 'warn' },
  };
}

function upstreamKubeconfig(sandbox: {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}): string {
  return kubeconfig(sandbox.url, sandbox.caPem, [
    { context: 'sandbox', user: 'kubewitness', token: sandbox.token },
  ]);
}

function clientKubeconfig(url: string, caPem: string, tokens: readonly string[]): string {
  return kubeconfig(
    url,
    caPem,
    USERS.map(({ context, name }, at) => ({ context, user: name, token: tokens[at] ?? '' })),
  );
}

/** The first entry is the current context. */
function kubeconfig(
  server: string,
  caPem: string,
  entries: readonly { readonly context: string; readonly user: string; readonly token: string }[],
): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'sandbox',
        cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
      },
    ],
    users: entries.map(({ user, token }) => ({ name: user, user: { token } })),
    contexts: entries.map(({ context, user }) => ({
      name: context,
      context: { cluster: 'sandbox', user, namespace: 'default' },
    })),
    'current-context': entries[0]?.context,
  });
}

/** As a shell reads it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
