import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseConfig } from '../config/parse.ts';
import { messageOf } from '../errors.ts';
import { checkRoads } from './check-roads.ts';

interface CheckOptions {
  readonly config?: string;
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
    .option('--config <file>', 'say what is wrong with this configuration, if anything')
    .option('--roads', 'try each road, as one caller; needs --url, --ca, --token-file and --pod')
    .option('--url <url>', 'the proxy, as https://host:port')
    .option('--ca <file>', 'authority of its certificate, PEM')
    .option('--token-file <file>', 'bearer token of the caller')
    .option('--namespace <name>', 'namespace of the pod', 'default')
    .option('--pod <name>', 'a running pod of one container, in which `true` may be run')
    .option('--node <name>', 'a node', 'node')
    .action(async (options: CheckOptions, command: Command) => {
      if (options.config !== undefined) checkConfig(options.config);
      if (options.roads === true) await checkRoads(roadsOptions(options, command));
      if (options.config === undefined && options.roads !== true) {
        command.error('error: nothing to check: give --config or --roads');
      }
    });
}

/** Throws with one line for each problem. */
function checkConfig(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  parseConfig(text, file);
  process.stdout.write(`${file}: the configuration is good\n`);
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
