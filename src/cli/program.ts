import { Command, InvalidArgumentError } from 'commander';
import { createLogger } from '../log.ts';
import { runProxy } from './start-proxy.ts';
import { runRecorder } from './start-recorder.ts';
import { runTry } from './try.ts';

/** The command line, as data: what there is, what it takes, what it runs. */
export function createProgram(version: string): Command {
  const program = new Command('kubewitness')
    .description('Kubernetes API server proxy that records kubectl exec and attach sessions')
    .version(version)
    .showHelpAfterError('(add --help for what there is)');

  program
    .command('proxy')
    .description('run the proxy in front of an API server')
    .requiredOption('--config <file>', 'YAML configuration (docs/config.md)')
    .option('--ready-file <file>', 'written once the proxy answers: {proxy, admin, pid} as JSON')
    .action((options: { config: string; readyFile?: string }) => runProxy(options));

  program
    .command('recorder')
    .description('run a recorder that keeps casts in a folder')
    .requiredOption('--dir <folder>', 'where recordings are kept')
    .option('--address <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', portNumber, 8181)
    .option('--ready-file <file>', 'written once the recorder answers: {address, pid} as JSON')
    .action((options: { dir: string; address: string; port: number; readyFile?: string }) =>
      runRecorder(options, createLogger('info')),
    );

  program
    .command('try')
    .description('run a sandbox cluster, a recorder and the proxy together, to see it work')
    .option('--data-dir <folder>', 'where everything is kept', 'try-data')
    .option('--ready-file <file>', 'written once all of it answers (docs/try.md)')
    .action((options: { dataDir: string; readyFile?: string }) => runTry(options, createLogger('warn')));

  return program;
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 0 && port <= 65_535)) throw new InvalidArgumentError('it must be a number from 0 to 65535.');
  return port;
}
