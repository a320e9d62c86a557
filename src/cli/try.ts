import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Logger } from '../log.ts';
import { createCertificates } from '../sandbox/certificate.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { startChildRecorder } from './child-recorder.ts';
import { pageRecordings } from './page-recordings.ts';
import { writeReadyFile } from './ready-file.ts';
import { onStopSignal } from './signals.ts';
import { startProxy } from './start-proxy.ts';

export interface TryCommand {
  readonly dataDir: string;
  readonly readyFile?: string;
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
  const recorder = await startChildRecorder(places.recordings, places.config, how => {
    if (stopping) return;
    process.stdout.write(
      `\nThe recorder has ended (${how}). Sessions under context "open" now go on unrecorded, those under "closed" are refused.\n` +
        `Start it again with:\n  ${recorder.command}\n`,
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
  const proxy = await startProxy(join(places.config, 'proxy.yaml'), {
    log,
    recordings: await pageRecordings(places.recordings),
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
  process.stdout.write(greeting(places, adminUrl, recorder));
  await onStopSignal();
  stopping = true;
  await proxy.close();
  await recorder.stop();
  await sandbox.close();
}

function greeting(
  places: { readonly kubeconfig: string; readonly recordings: string; readonly audit: string },
  adminUrl: string,
  recorder: { readonly address: string; readonly pid: number },
): string {
  const kubectl = `kubectl --kubeconfig ${places.kubeconfig}`;
  return `
kubewitness is ready: a sandbox cluster, a recorder and the proxy in front of both.

  A recorded shell:        ${kubectl} --context closed exec -it shell -- sh
  A recorded command:      ${kubectl} --context open exec shell -- echo hello
  What there is:           ${kubectl} --context open get pods

  Contexts:    open (user ann: goes on without a recorder), closed (user bob: never without one)
  Page:        ${adminUrl}/
  Sessions:    ${adminUrl}/api/v1/sessions
  Recordings:  ${places.recordings}
  Audit:       ${places.audit}
  Recorder:    ${recorder.address}; to see the fail modes: kill ${recorder.pid}

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
