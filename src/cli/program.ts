import { Command, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../log.ts';
import { createLogger } from '../log.ts';
import { addAuditCommand } from './audit.ts';
import { addCheckCommand } from './check.ts';
import { addDoctorCommand } from './doctor.ts';
import { addMachinesCommand } from './machines.ts';
import { addRecordingsCommand } from './recordings.ts';
import { addRecorderOptions } from './recordings-recorder-options.ts';
import { runWorker } from './run-worker.ts';
import { runProxy } from './start-proxy.ts';
import type { RecorderCommand } from './start-recorder.ts';
import { runRecorder } from './start-recorder.ts';
import type { TryCommand } from './try.ts';
import { runTry } from './try.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

interface ProxyOptions {
  readonly config?: string;
  readonly readyFile?: string;
  readonly inspect?: number;
}

interface RecorderOptions extends Omit<RecorderCommand, 'dir'> {
  readonly dir?: string;
  readonly logLevel: LogLevel;
}

/** The command line, as data: what there is, what it takes, what it runs. */
export function createProgram(version: string): Command {
  const program = new Command('kubewitness')
    .description('Kubernetes API server proxy that records kubectl exec and attach sessions')
    .version(version)
    .showHelpAfterError('(add --help for what there is)');

  program
    .command('proxy')
    .description('run the proxy in front of an API server')
    .option('--config <file>', 'YAML configuration (docs/config.md); required')
    .option('--ready-file <file>', 'written once the proxy answers: {proxy, admin, pid} as JSON')
    .addOption(inspectOption())
    .action(({ config, ...rest }: ProxyOptions, command: Command) =>
      runProxy({ config: required(command, '--config <file>', config), version, ...rest }),
    );

  addRecorderOptions(program.command('recorder'))
    .description('run a recorder that keeps casts in a folder or in an S3 bucket')
    .option('--dir <folder>', 'where recordings are kept; required')
    .option('--address <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', portNumber, 8181)
    .option('--ready-file <file>', 'written once the recorder answers: {address, pid} as JSON')
    .addOption(new Option('--log-level <level>', 'least level shown').choices(LEVELS).default('info'))
    .action(({ dir, logLevel, ...rest }: RecorderOptions, command: Command) =>
      runRecorder({ dir: required(command, '--dir <folder>', dir), ...rest }, createLogger(logLevel)),
    );

  program
    .command('try')
    .description('run a sandbox cluster, a recorder and the proxy together, to see it work')
    .option('--data-dir <folder>', 'where everything is kept', 'try-data')
    .option('--ready-file <file>', 'written once all of it answers (docs/try.md)')
    .addOption(inspectOption())
    .action((options: TryCommand) => runTry(options, createLogger('warn')));

  program
    .command('worker', { hidden: true })
    .description('one worker of a proxy, begun by the proxy itself')
    .action(() => runWorker());

  addRecordingsCommand(program);
  addMachinesCommand(program);
  addAuditCommand(program);

  addCheckCommand(program);
  addDoctorCommand(program);

  return program;
}

/** The port is the one where @statelyai/inspect looks. */
function inspectOption(): Option {
  return new Option('--inspect [port]', 'tell inspectors of the state machines on 127.0.0.1 (docs/live.md)')
    .preset('8080')
    .argParser(portNumber);
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 0 && port <= 65_535)) throw new InvalidArgumentError('it must be a number from 0 to 65535.');
  return port;
}

/** commander's own check of required options comes before the one for unknown ones, and hides a mistyped flag. */
function required(command: Command, flag: string, value: string | undefined): string {
  return value ?? command.error(`error: required option '${flag}' not specified`);
}
