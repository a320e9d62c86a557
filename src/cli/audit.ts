import type { Command } from 'commander';
import { Option } from 'commander';
import { auditCoverage } from './audit-coverage.ts';
import { exportAudit } from './audit-export.ts';
import { followAudit } from './audit-follow.ts';
import { listFailures, listSessions, showSession } from './audit-list.ts';
import { verifyAudit } from './audit-verify.ts';

/** `kubewitness audit …`: who did what, which recordings failed, and whether the record of it is whole. */
export function addAuditCommand(program: Command): void {
  const audit = program
    .command('audit')
    .description('read and check the audit of sessions and recording failures (docs/audit.md)');

  filtered(sourced(audit.command('list')))
    .description('sessions, oldest first, with what became of them')
    .option('--json', 'one JSON object a line')
    .action(listSessions);

  sourced(audit.command('show'))
    .argument('<session>', 'id of a session, or its first eight or more characters')
    .description('everything that is known of one session')
    .option('--json', 'its records, one a line')
    .action(showSession);

  filtered(sourced(audit.command('failures')))
    .description('recording failures: where, why, and what was done about them')
    .option('--json', 'the records, one a line')
    .action(listFailures);

  filtered(sourced(audit.command('follow')))
    .description('records as they are written, until interrupted')
    .option('--json', 'the records, one a line')
    .action(followAudit);

  sourced(audit.command('verify'))
    .description(
      'follow the hash chain; exit code 1 names each line that was changed, moved, put in or is missing',
    )
    .option('--head <hash...>', 'hashes of records that must be there, noted down earlier')
    .option('--archived', 'older files of the audit are kept elsewhere')
    .option('--json', 'the report as JSON')
    .action(verifyAudit);

  filtered(sourced(audit.command('export')))
    .description('records as JSON lines for other systems')
    .addOption(
      new Option('--format <format>', 'ours, OCSF or ECS')
        .choices(['native', 'ocsf', 'ecs'])
        .default('native'),
    )
    .action(exportAudit);

  sourced(audit.command('coverage'))
    .description(
      'exec and attach requests of each day, and what became of them; exit code 1 if something escaped',
    )
    .option(
      '--against <file>',
      'Kubernetes audit log, JSON lines: lists sessions that never came through here',
    )
    .option('--json', 'as JSON')
    .action(auditCoverage);
}

function sourced(command: Command): Command {
  return command
    .option('--file <file>', 'the audit file; rotated ones beside it are read too')
    .option('--postgres', 'the database named by the environment variable KUBEWITNESS_AUDIT_POSTGRES')
    .option('--postgres-file <file>', 'the database whose URL is in this file');
}

function filtered(command: Command): Command {
  return command
    .option('--user <name>')
    .option('--namespace <name>')
    .option('--pod <name>')
    .option('--command <text>', 'part of the command line')
    .option('--since <time>', 'at or after: ISO 8601, or 90m, 24h, 7d ago')
    .option('--until <time>', 'before: likewise')
    .option('--outcome <outcome>', 'recorded, unrecorded, refused … or live')
    .option('--phase <phase>', 'of a recording failure: connect, header, stream, ack, finalise')
    .option('--kind <kind>', 'of a recording failure: timeout, refused, reset, protocol …')
    .option('--recorder <address>');
}
