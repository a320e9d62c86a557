import type { Command } from 'commander';
import { exportRecording } from './recordings-export.ts';
import { holdRecording, releaseRecording } from './recordings-hold.ts';
import { joinRecordings } from './recordings-join.ts';
import { catRecording, listRecordings, showRecording } from './recordings-read.ts';
import type { SourceOptions } from './recordings-source.ts';
import { verifyRecordings } from './recordings-verify.ts';

const ID = 'id of a recording, or of a session';

/** `kubewitness recordings …`: what an auditor does with what a recorder keeps. */
export function addRecordingsCommand(program: Command): void {
  const recordings = program
    .command('recordings')
    .description('list, read, check and keep recordings (docs/recorder.md)');

  fromAnywhere(recordings.command('list'))
    .description('list recordings, newest first')
    .option('--user <user>', 'impersonated user, or user of the caller’s node')
    .option('--namespace <namespace>')
    .option('--pod <pod>')
    .option('--container <container>')
    .option('--command <text>', 'part of the command line')
    .option('--session <id>')
    .option('--since <time>', 'received at or after, ISO 8601')
    .option('--until <time>', 'received before, ISO 8601')
    .option('--complete <boolean>', 'true or false')
    .option('--limit <count>', 'at most so many', '100')
    .option('--before <id>', 'only older than this recording')
    .option('--json', 'manifests, one a line')
    .action(listRecordings);

  fromAnywhere(recordings.command('show'))
    .argument('<id>', ID)
    .description('print what is known of a recording, as JSON')
    .action((id: string, options: SourceOptions) => showRecording(id, options));

  fromAnywhere(recordings.command('cat'))
    .argument('<id>', ID)
    .description('print the cast, whole lines only')
    .action((id: string, options: SourceOptions) => catRecording(id, options));

  fromFolder(recordings.command('join'))
    .argument('<session>', 'id of a session')
    .option('--out <file>', 'write there instead of to standard output')
    .description('put the parts of one session together into one cast')
    .action(joinRecordings);

  fromFolder(recordings.command('verify'))
    .argument('[id...]', 'ids of recordings or sessions; all without')
    .description('compare casts with their manifests; exit code 1 names file and line of what changed')
    .action(verifyRecordings);

  fromFolder(recordings.command('export'))
    .argument('<id>', ID)
    .option('--out <file>', 'the page; required')
    .description('write one HTML page with the cast, its manifest and a player, that works offline')
    .action(exportRecording);

  fromFolder(recordings.command('hold'))
    .argument('<id>', ID)
    .option('--reason <text>', 'why it must be kept; required')
    .description('keep a recording from retention')
    .action(holdRecording);

  fromFolder(recordings.command('release'))
    .argument('<id>', ID)
    .description('give a recording back to retention')
    .action(releaseRecording);
}

function fromFolder(command: Command): Command {
  return command.option('--dir <folder>', 'the folder of the recorder; required');
}

function fromAnywhere(command: Command): Command {
  return command
    .option('--dir <folder>', 'the folder of the recorder')
    .option('--url <url>', 'or its address, such as http://recorder:8181')
    .option('--token-file <file>', 'bearer token for --url');
}
