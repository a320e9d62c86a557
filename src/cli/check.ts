import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseConfig } from '../config/parse.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { explainGrants } from './check-grants.ts';
import { answerLost } from './check-lost.ts';
import { answer } from './check-request.ts';
import { checkRoads } from './check-roads.ts';

interface CheckOptions {
  readonly config?: string;
  readonly as?: string;
  readonly group?: readonly string[];
  readonly tag?: readonly string[];
  readonly serviceaccount?: string;
  readonly request?: string;
  readonly lost: readonly string[];
  readonly roads?: boolean;
  readonly url?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
  readonly namespace: string;
  readonly pod?: string;
  readonly node: string;
}

/** A name of Kubernetes (RFC 1123 subdomain), so that it is itself in a path. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** Adds `kubewitness check`. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('check a configuration, or try the roads around the recorder of a running proxy')
    .option('--config <file>', 'say what is wrong with this configuration, or what its grants mean')
    .option(
      '--as <user>',
      'with --config and --request: what would be decided for this user; exits 1 when refused',
    )
    .option(
      '--group <name>',
      'one group of the user, may be repeated (default: those of identity.static)',
      collect,
    )
    .option('--tag <tag>', 'one tag of the device, may be repeated; --as is then its node', collect)
    .option('--serviceaccount <namespace:name>', 'a service account, in place of --as')
    .option('--request <request>', '"exec NAMESPACE/POD", "attach …", "port-forward …", or "GET /path"')
    .option(
      '--lost <host:port>',
      'suppose that this recorder is down, may be repeated; without --request: whose sessions would be refused, handed over or unrecorded',
      collect,
      [],
    )
    .option('--roads', 'try each road, as one caller; needs --url, --ca, --token-file and --pod')
    .option('--url <url>', 'the proxy, as https://host:port')
    .option('--ca <file>', 'authority of its certificate, PEM')
    .option('--token-file <file>', 'bearer token of the caller')
    .option('--namespace <name>', 'namespace of the pod', 'default')
    .option('--pod <name>', 'a running pod of one container, in which `true` may be run')
    .option('--node <name>', 'a node', 'node')
    .action(async (options: CheckOptions, command: Command) => {
      const { as, group, tag, serviceaccount, request, lost } = options;
      if (as ?? group ?? tag ?? serviceaccount ?? request) checkRequest(options, command);
      else if (lost.length > 0) checkLost(options, command);
      else if (options.config !== undefined) checkConfig(options.config);
      if (options.roads === true) await checkRoads(roadsOptions(options, command));
      if (options.config === undefined && options.roads !== true) {
        command.error('error: nothing to check: give --config or --roads');
      }
    });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function checkRequest(options: CheckOptions, command: Command): void {
  const { config, as, group, tag, serviceaccount, request, lost } = options;
  if (
    config === undefined ||
    request === undefined ||
    (as === undefined) === (serviceaccount === undefined)
  ) {
    command.error('error: --request goes with --as or --serviceaccount, and needs --config');
  }
  const { allowed, lines } = answer(readConfig(config), {
    request,
    lost,
    ...(as === undefined ? {} : { user: as }),
    ...(group === undefined ? {} : { groups: group }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(serviceaccount === undefined ? {} : { serviceaccount }),
  });
  process.stdout.write(`${lines.join('\n')}\n`);
  if (!allowed) process.exitCode = 1;
}

function checkLost({ config, lost }: CheckOptions, command: Command): void {
  if (config === undefined) command.error('error: --lost needs --config');
  const { refused, lines } = answerLost(readConfig(config), lost);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (refused) process.exitCode = 1;
}

function checkConfig(file: string): void {
  const lines = explainGrants(readConfig(file));
  process.stdout.write(`${file}: the configuration is good\n${lines.join('\n')}\n`);
}

/** Throws with one line for each problem. */
function readConfig(file: string): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  return parseConfig(text, file);
}

function roadsOptions({ url, ca, tokenFile, namespace, pod, node }: CheckOptions, command: Command) {
  if (url === undefined || ca === undefined || tokenFile === undefined || pod === undefined) {
    command.error('error: --roads needs --url, --ca, --token-file and --pod');
  }
  for (const name of [namespace, pod, node]) {
    if (!NAME.test(name)) command.error(`error: ${JSON.stringify(name)} is not a name of Kubernetes`);
  }
  return { url, ca, tokenFile, namespace, pod, node };
}
